#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a C header of a text file: embed.py SOURCE HEADER NAME"""
import sys

source, header, name = sys.argv[1:]
with open(source, "rb") as text, open(header, "w") as out:
    out.write(f"static const char {name}[] =\n")
    for line in text.read().splitlines(keepends=True):
        escaped = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in line)
        out.write(f'\t"{escaped}"\n')
    out.write("\t;\n")
