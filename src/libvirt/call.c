/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <libvirt/virterror.h>

#include "libvirt/operation.h"

const char *call_text(const struct call *call, const char *key)
{
	struct json_object *value;
	if (!json_object_object_get_ex(call->request, key, &value) || !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

bool call_flag(const struct call *call, const char *key)
{
	struct json_object *value;
	return json_object_object_get_ex(call->request, key, &value) && json_object_get_boolean(value);
}

int call_need_text(const struct call *call, const char *key, const char **ret, struct error *error)
{
	const char *text = call_text(call, key);
	if (!text)
		return error_set(error, -EINVAL, "the request lacks the text '%s'", key);
	*ret = text;
	return 0;
}

int call_domain(const struct call *call, virDomainPtr *ret, struct error *error)
{
	const char *name;
	int r = call_need_text(call, "domain", &name, error);
	if (r < 0)
		return r;
	/* A name may look like a UUID; then the UUID it is. */
	virDomainPtr domain = virDomainLookupByUUIDString(call->connection, name);
	if (!domain)
		domain = virDomainLookupByName(call->connection, name);
	if (!domain)
		return call_failed(error, "domain '%s'", name);
	*ret = domain;
	return 0;
}

/* Every call of libvirt's forgets what was said before, virDomainGetName() for a message, too. */
static char last_words[1024];

int call_code(void)
{
	static const struct {
		int libvirt;
		int code;
	} codes[] = {
		{ VIR_ERR_NO_DOMAIN, -ENOENT },
		{ VIR_ERR_NO_NODE_DEVICE, -ENOENT },
		{ VIR_ERR_AUTH_FAILED, -EACCES },
		{ VIR_ERR_AUTH_CANCELLED, -EACCES },
		{ VIR_ERR_AUTH_UNAVAILABLE, -EACCES },
		{ VIR_ERR_ACCESS_DENIED, -EACCES },
		{ VIR_ERR_OPERATION_DENIED, -EACCES },
		{ VIR_ERR_NO_CONNECT, -ECONNREFUSED },
		{ VIR_ERR_INVALID_CONN, -ECONNREFUSED },
		{ VIR_ERR_NO_SUPPORT, -ENOTSUP },
		{ VIR_ERR_CONFIG_UNSUPPORTED, -ENOTSUP },
		{ VIR_ERR_ARGUMENT_UNSUPPORTED, -ENOTSUP },
		{ VIR_ERR_OPERATION_UNSUPPORTED, -ENOTSUP },
		{ VIR_ERR_OPERATION_INVALID, -EBUSY },
		{ VIR_ERR_RESOURCE_BUSY, -EBUSY },
		{ VIR_ERR_XML_ERROR, -EINVAL },
		{ VIR_ERR_XML_DETAIL, -EINVAL },
		{ VIR_ERR_XML_INVALID_SCHEMA, -EINVAL },
		{ VIR_ERR_INVALID_ARG, -EINVAL },
		{ VIR_ERR_OPERATION_TIMEOUT, -ETIMEDOUT },
	};
	virErrorPtr last = virGetLastError();
	const char *text = virGetLastErrorMessage();
	snprintf(last_words, sizeof(last_words), "%s", text ? text : "libvirt gives no reason");
	/* What its schema says of an XML has several lines. */
	for (char *at = last_words; (at = strchr(at, '\n')); at++)
		*at = at[1] ? ';' : '\0';
	for (size_t i = 0; last && i < ARRAY_SIZE(codes); i++)
		if (last->code == codes[i].libvirt)
			return codes[i].code;
	/* A socket that is not there, or that nobody listens at, is a system error to libvirt. */
	if (last && last->code == VIR_ERR_SYSTEM_ERROR && last->domain == VIR_FROM_RPC)
		return last->int1 == EACCES || last->int1 == EPERM ? -EACCES : -ECONNREFUSED;
	return -EIO;
}

void call_fill(struct error *error, const char *format, ...)
{
	va_list args;
	char intention[512];
	va_start(args, format);
	vsnprintf(intention, sizeof(intention), format, args);
	va_end(args);
	error_fill(error, "%s: %s", intention, last_words);
}
