#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes an assembler source that holds a program, stripped: embed-wrapper.py STRIP PROGRAM STRIPPED SOURCE"""
import pathlib
import subprocess
import sys

strip, program, stripped, source = sys.argv[1:]
subprocess.run([strip, "--strip-all", "-o", stripped, program], check=True)
pathlib.Path(source).write_text(f"""\
	.section .rodata
	.balign 16
	.global wrapper_program, wrapper_program_end
wrapper_program:
	.incbin "{pathlib.Path(stripped).resolve()}"
wrapper_program_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
""")
