"""Writes files into a C source as arrays: embed.py NAME OUTPUT.c FILE...

The result defines `const struct embedded_file NAME[]`, ended by a row whose name is NULL (common/embedded.h). The page
and the migrations travel inside the programs this way: one file to install, nothing to be found at run time.
"""
import os
import sys


def main(name, output, paths):
    with open(output, "w", encoding="ascii") as out:
        out.write('#include "common/embedded.h"\n\n')
        for index, path in enumerate(paths):
            with open(path, "rb") as file:
                data = file.read()
            out.write(f"static const unsigned char FILE_{index}[] = {{")
            for at in range(0, len(data), 24):
                out.write("\n    " + "".join(f"{byte}," for byte in data[at:at + 24]))
            out.write("0};\n\n" if not data else "\n    0};\n\n")
        out.write(f"const struct embedded_file {name}[] = {{\n")
        for index, path in enumerate(paths):
            out.write(f'    {{"{os.path.basename(path)}", {{(const char *)FILE_{index}, sizeof FILE_{index} - 1}}}},\n')
        out.write("    {0},\n};\n")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
