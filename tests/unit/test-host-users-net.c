/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards: routes and storage that go through them. */
#include "test-host-users.h"

/* 0000:02:00.0: a network card. */
static void fake_card(void *const *state)
{
	fake_disk(state);
	fake_pci(state, "0000:02:00.0", "0x020000\n", "16", "virtio-pci");
	fake_device(state, "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0", "net", NULL);
	fake_link(state, "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0/device", "../../../virtio1");
	fake_device(state, "/sys/devices/virtual/net/bond0", "net", NULL);
	fake_device(state, "/sys/devices/virtual/net/vmbr0", "net", NULL);
	fake_device(state, "/sys/devices/virtual/net/eth0.5", "net", NULL);
}

#define ROUTES "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static void the_default_route_directly(void **state)
{
	fake_card(state);
	fake_file(state, "/proc/net/route", ROUTES "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	fake_file(state, "/proc/net/ipv6_route",
		  "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		  "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n");
	expect(state, "02:00.0", "!default-route: eth0 carries the default route (IPv4)",
	       "!default-route: eth0 carries the default route (IPv6)", NULL);
}

static void the_default_route_through_bridge_over_bond(void **state)
{
	fake_card(state);
	fake_link(state, "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0/master",
		  "../../../../../virtual/net/bond0");
	fake_link(state, "/sys/devices/virtual/net/bond0/upper_vmbr0", "../vmbr0");
	fake_link(state, "/sys/devices/virtual/net/vmbr0/lower_bond0", "../bond0");
	fake_file(state, "/proc/net/route", ROUTES "vmbr0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	expect(state, "02:00.0", "!default-route: eth0 carries the default route (IPv4) of vmbr0", NULL);
}

static void an_open_vswitch_may_lead_anywhere(void **state)
{
	fake_card(state);
	fake_device(state, "/sys/devices/virtual/net/ovs-system", "net", NULL);
	fake_link(state, "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0/master",
		  "/sys/devices/virtual/net/ovs-system");
	fake_link(state, "/sys/devices/virtual/net/vmbr0/master", "../ovs-system");
	fake_file(state, "/proc/net/route", ROUTES "vmbr0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	expect(state, "02:00.0", "!default-route: eth0 carries the default route (IPv4) of vmbr0", NULL);
}

static void other_routes_do_not_count(void **state)
{
	fake_card(state);
	fake_link(state, "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0/upper_eth0.5",
		  "/sys/devices/virtual/net/eth0.5");
	fake_file(state, "/proc/net/route",
		  ROUTES "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
			 "eth0\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
			 "eth1\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\nshort 1\n");
	expect(state, "02:00.0", "network: eth0 is part of eth0.5", NULL);
}

#define ETH0 "/sys/devices/pci0000:00/0000:02:00.0/virtio1/net/eth0"

static void an_interface_that_is_up(void **state)
{
	fake_card(state);
	expect(state, "02:00.0", NULL);
	fake_file(state, ETH0 "/flags", "0x1002\n");
	expect(state, "02:00.0", NULL);
	fake_file(state, ETH0 "/flags", "0x1003\n");
	expect(state, "02:00.0", "network: eth0 is up", NULL);
}

#define MAY_RUN "!unknown: eth0 is up, and "
#define GO_ON " may run over it; take the interface down first (ip link set eth0 down)"

static void remote_storage_may_run_over_it(void **state)
{
	fake_card(state);
	fake_file(state, ETH0 "/flags", "0x1003\n");
	fake_file(state, "/proc/self/mountinfo",
		  "25 1 0:31 / /home rw - nfs4 10.0.0.1:/home rw,addr=10.0.0.1\n"
		  "26 1 0:32 / /lab rw - 9p lab rw,trans=virtio\n");
	expect(state, "02:00.0", MAY_RUN "10.0.0.1:/home at /home (nfs4)" GO_ON, NULL);
	fake_file(state, "/proc/self/mountinfo", "26 1 0:32 / /lab rw - 9p lab rw,trans=virtio\n");
	expect(state, "02:00.0", "network: eth0 is up", NULL);
	fake_file(state, "/proc/self/mountinfo", "26 1 0:32 / /lab rw - 9p 10.0.0.1 rw,trans=tcp\n");
	expect(state, "02:00.0", MAY_RUN "10.0.0.1 at /lab (9p)" GO_ON, NULL);
	put_directory(state, "/sys/class/iscsi_session/session1");
	expect(state, "02:00.0", MAY_RUN "10.0.0.1 at /lab (9p) and other remote storage" GO_ON, NULL);
	fake_file(state, "/proc/self/mountinfo", "");
	expect(state, "02:00.0", MAY_RUN "the iSCSI session1" GO_ON, NULL);
	fake_file(state, ETH0 "/flags", "0x1002\n");
	expect(state, "02:00.0", NULL);
}

static void a_disk_over_fabrics_may_run_over_it(void **state)
{
	fake_card(state);
	fake_file(state, ETH0 "/flags", "0x1003\n");
	fake_file(state, "/sys/class/nvme-fabrics/ctl/nvme1/transport", "fc\n");
	fake_file(state, "/sys/class/nvme-fabrics/ctl/uevent", "");
	expect(state, "02:00.0", "network: eth0 is up", NULL);
	fake_file(state, "/sys/class/nvme-fabrics/ctl/nvme2/transport", "tcp\n");
	expect(state, "02:00.0", MAY_RUN "the NVMe controller nvme2 (tcp)" GO_ON, NULL);
}

static void a_tunnel_may_run_over_it(void **state)
{
	fake_card(state);
	fake_device(state, "/sys/devices/virtual/net/wg0", "net", NULL);
	fake_file(state, "/proc/net/route", ROUTES "wg0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	expect(state, "02:00.0",
	       "network: the default route (IPv4) goes through wg0, a tunnel: not known whether that runs over eth0",
	       NULL);
}

static void an_interface_may_be_in_another_namespace(void **state)
{
	fake_disk(state);
	fake_pci(state, "0000:02:00.0", "0x020000\n", "16", "e1000e");
	expect(state, "02:00.0",
	       "network: driver e1000e shows no network interface of it here: there may be one in another network "
	       "namespace",
	       NULL);
	fake_pci(state, "0000:02:00.1", "0x020000\n", "16", NULL);
	expect(state, "02:00.1", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_both_ways(the_default_route_directly),
		test_both_ways(the_default_route_through_bridge_over_bond),
		test_both_ways(an_open_vswitch_may_lead_anywhere),
		test_both_ways(other_routes_do_not_count),
		test_both_ways(an_interface_that_is_up),
		test_both_ways(remote_storage_may_run_over_it),
		test_both_ways(a_disk_over_fabrics_may_run_over_it),
		test_both_ways(a_tunnel_may_run_over_it),
		test_both_ways(an_interface_may_be_in_another_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
