"""Compiles a program: compile.py DIR. Reads DIR/program.json, writes DIR/program, for run.py.

Code objects carry the workspace path of their script as file name, so that tracebacks name it. Exit code 3 says that the
script itself is not valid Python, with Python's own words on stdout. With --wrapper FILE OUT it compiles run.py.
"""
import json
import marshal
import sys


def wrapper(source, out):
    import py_compile

    py_compile.compile(source, cfile=out, dfile="<tidemill>", doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def program(folder):
    with open(folder + "/program.json", encoding="utf-8") as f:
        p = json.load(f)
    scripts = {}
    for name, file in p["files"].items():
        with open(folder + "/code/" + file, encoding="utf-8-sig") as f:
            source = f.read()
        try:
            code = compile(source, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as e:
            if name == p["main"]:
                import traceback

                print("".join(traceback.format_exception_only(type(e), e)), end="")
                sys.exit(3)
            code = None
        scripts[name] = (file, code)
    del p["files"]
    p["scripts"] = scripts
    with open(folder + "/program", "wb") as f:
        f.write(marshal.dumps(p))


if sys.argv[1] == "--wrapper":
    wrapper(sys.argv[2], sys.argv[3])
else:
    program(sys.argv[1])
