"""Runs one job of a Python script: run.py PROGRAM PACKAGES in the job directory.

PROGRAM is what compile.py wrote, PACKAGES the folder of installed distributions ("" for none). Start-up is part of each
job's time: nothing is imported here that is not built in or needed by this very job.
"""
import marshal
import posix
import sys
import time

_HERE = "<tidemill>"  # the file name that compile.py gives this code


def _now():
    return time.time_ns() // 1000


class ArgumentError(ValueError):
    """An argument that is not of its declared type."""


# Reading and writing JSON, by the C parts of the json package without its Python parts.


class _Float(float):
    """A float that remembers how it was written, for Decimal."""

    def __new__(cls, text):
        self = float.__new__(cls, text)
        self.text = text
        return self


class _Scanning:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo = {}


def _decode(text, exact):
    text = text.strip()
    context = _Scanning()
    if exact:
        context.parse_float = _Float
    try:
        from _json import make_scanner

        value, end = make_scanner(context)(text, 0)
        if end == len(text):
            return value
    except Exception:
        pass
    import json

    return json.loads(text, parse_float=context.parse_float)


class _Exactly(Exception):
    """The value needs the writer that is exact."""


def _plain(o):
    """Turns an object into one that JSON has, one level deep."""
    if isinstance(o, (set, frozenset)):
        try:
            return sorted(o)
        except TypeError:
            return list(o)
    if isinstance(o, (bytes, bytearray, memoryview)):
        import binascii

        return binascii.b2a_base64(bytes(o), newline=False).decode()
    loaded = sys.modules
    kind = type(o)
    m = loaded.get("datetime")
    if m:
        if isinstance(o, (m.datetime, m.date, m.time)):
            return o.isoformat() if o == o else None  # pandas.NaT differs from itself
        if isinstance(o, m.timedelta):
            return o.total_seconds() if o == o else None
    m = loaded.get("decimal")
    if m and isinstance(o, m.Decimal):
        raise _Exactly
    m = loaded.get("enum")
    if m and isinstance(o, m.Enum):
        return o.value
    if isinstance(o, type):
        return o.__name__
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(o, name, None) for name in kind.__dataclass_fields__}
    package = kind.__module__.partition(".")[0]
    if package == "numpy":
        value = o.tolist()
        return str(value) if isinstance(value, complex) else value
    if package == "pandas":
        if hasattr(o, "to_dict") and hasattr(o, "columns"):
            return o.to_dict("records")
        if hasattr(o, "tolist"):
            return o.tolist()
        if kind.__name__ == "NAType":
            return None
    if package == "polars":
        if hasattr(o, "collect"):
            o = o.collect()
        for way in ("to_dicts", "to_list"):
            if hasattr(o, way):
                return getattr(o, way)()
    for way in ("model_dump", "_asdict", "to_dict"):
        f = getattr(o, way, None)
        if f is not None:
            return f()
    if hasattr(kind, "__fields__") and hasattr(o, "dict"):  # pydantic 1
        return o.dict()
    if isinstance(o, BaseException):
        return {"name": kind.__name__, "message": str(o)}
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return {key: o[key] for key in o.keys()}
    if hasattr(kind, "__iter__"):
        return list(o)
    return str(o)


def _key(k):
    if isinstance(k, str):
        return str.__str__(k)
    m = sys.modules.get("enum")
    if m and isinstance(k, m.Enum):
        return _key(k.value)
    if k is True:
        return "true"
    if k is False:
        return "false"
    if k is None:
        return "null"
    if isinstance(k, int):
        return int.__repr__(k)
    if isinstance(k, float):
        return float.__repr__(k)
    m = sys.modules.get("datetime")
    if m and isinstance(k, (m.date, m.time)):
        return k.isoformat()
    return str(k)


def _exactly(o, out, inside, quote):
    """Writes what the C encoder refuses: NaN as null, Decimals digit by digit, keys of any type."""
    if o is None:
        out.append("null")
    elif o is True:
        out.append("true")
    elif o is False:
        out.append("false")
    elif isinstance(o, str):
        out.append(quote(str.__str__(o)))
    elif isinstance(o, int):
        out.append(int.__repr__(o))
    elif isinstance(o, float):
        o = float(o)
        out.append(float.__repr__(o) if o - o == 0 else "null")
    else:
        m = sys.modules.get("decimal")
        if m and isinstance(o, m.Decimal):
            out.append(str(o) if o.is_finite() else "null")
            return
        if id(o) in inside:
            raise ValueError("the result contains itself")
        inside.add(id(o))
        if isinstance(o, dict):
            separator = "{"
            for key, value in o.items():
                out.append(separator)
                out.append(quote(_key(key)))
                out.append(":")
                _exactly(value, out, inside, quote)
                separator = ","
            out.append("{}" if separator == "{" else "}")
        elif isinstance(o, (list, tuple)):
            separator = "["
            for value in o:
                out.append(separator)
                _exactly(value, out, inside, quote)
                separator = ","
            out.append("[]" if separator == "[" else "]")
        else:
            _exactly(_plain(o), out, inside, quote)
        inside.discard(id(o))


def _encode(o):
    try:
        from _json import encode_basestring as quote
        from _json import encode_basestring_ascii as quote_ascii
        from _json import make_encoder
    except ImportError:
        from json.encoder import encode_basestring as quote
        from json.encoder import encode_basestring_ascii as quote_ascii

        make_encoder = None
    text = None
    try:
        text = "".join(make_encoder({}, _plain, quote, None, ":", ",", False, False, False)(o, 0))
    except Exception:
        pass
    if text is None:
        out = []
        _exactly(o, out, set(), quote)
        text = "".join(out)
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        out = []
        _exactly(o, out, set(), quote_ascii)
        return "".join(out).encode()


# Arguments become what the signature declares.


def _datetime(text):
    import datetime

    if not isinstance(text, str):
        raise ValueError("expected a date and time like 2026-01-31T12:00:00Z")
    iso = text.strip()
    if iso[-1:] in ("Z", "z"):
        iso = iso[:-1] + "+00:00"
    if sys.version_info < (3, 11):  # which wants three or six digits of a second
        head, dot, tail = iso.partition(".")
        if dot:
            digits = 0
            while digits < len(tail) and tail[digits].isdigit():
                digits += 1
            iso = head + "." + (tail[:digits] + "000000")[:6] + tail[digits:]
    try:
        return datetime.datetime.fromisoformat(iso)
    except ValueError:
        raise ValueError("expected a date and time like 2026-01-31T12:00:00Z") from None


def _date(text):
    import datetime

    try:
        return datetime.date.fromisoformat(text[:10])
    except (ValueError, TypeError):
        raise ValueError("expected a date like 2026-01-31") from None


def _time(text):
    import datetime

    try:
        if text[-1:] in ("Z", "z"):
            text = text[:-1] + "+00:00"
        return datetime.time.fromisoformat(text)
    except (ValueError, TypeError):
        raise ValueError("expected a time like 12:30:00") from None


def _bytes(text):
    import binascii

    try:
        if text.startswith("data:"):
            text = text.partition(",")[2]
        return binascii.a2b_base64(text)
    except (ValueError, AttributeError):
        raise ValueError("expected bytes as base64 text") from None


def _decimal(value):
    import decimal

    try:
        return decimal.Decimal(getattr(value, "text", None) or str(value))
    except decimal.InvalidOperation:
        raise ValueError("expected a number") from None


def _uuid(text):
    import uuid

    try:
        return uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise ValueError("expected a UUID") from None


def _path(text):
    import pathlib

    return pathlib.Path(text)


def _timedelta(value):
    import datetime

    return datetime.timedelta(seconds=value)


def _want(value, kind):
    if not isinstance(value, kind):
        raise ValueError("expected a list" if kind is list else "expected an object")
    return value


_JSON_TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


class _Arguments:
    """Converts arguments by the words of the signature: see conv in types.go."""

    def __init__(self, classes, names):
        self.classes = classes
        self.names = names  # globals of the script

    def convert(self, how, value):
        if how is None or value is None:
            return value
        return getattr(self, "on_" + how[0])(value, *how[1:])

    def on_int(self, v):
        return int(v) if isinstance(v, float) and v.is_integer() else v

    def on_float(self, v):
        return float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v

    def on_bytes(self, v):
        return _bytes(v)

    def on_bytearray(self, v):
        return bytearray(_bytes(v))

    def on_datetime(self, v):
        return _datetime(v)

    def on_date(self, v):
        return _date(v)

    def on_time(self, v):
        return _time(v)

    def on_timedelta(self, v):
        return _timedelta(v)

    def on_decimal(self, v):
        return _decimal(v)

    def on_uuid(self, v):
        return _uuid(v)

    def on_path(self, v):
        return _path(v)

    def on_list(self, v, item):
        return [self.convert(item, x) for x in _want(v, list)]

    def on_tuple(self, v, item):
        return tuple(self.convert(item, x) for x in _want(v, list))

    def on_set(self, v, item):
        return {self.convert(item, x) for x in _want(v, list)}

    def on_frozenset(self, v, item):
        return frozenset(self.convert(item, x) for x in _want(v, list))

    def on_items(self, v, items):
        return tuple(self.convert(items[i] if i < len(items) else None, x) for i, x in enumerate(_want(v, list)))

    def on_dict(self, v, item):
        return {k: self.convert(item, x) for k, x in _want(v, dict).items()}

    def on_is(self, v, kind):
        want = _JSON_TYPES.get(kind)
        if want and (not isinstance(v, want) or isinstance(v, bool) and kind != "boolean"):
            raise ValueError("expected " + kind)
        return v

    def on_union(self, v, ways):
        for how in ways:
            try:
                return self.convert(how, v)
            except (ValueError, TypeError):
                continue
        return v

    def on_imported(self, v, name):
        first, *rest = name.split(".")
        cls = self.names.get(first)
        for part in rest:
            cls = getattr(cls, part, None)
        if not isinstance(cls, type):
            return v
        m = sys.modules.get("enum")
        if m and issubclass(cls, m.Enum):
            return self.enum(cls, v)
        if isinstance(v, dict):
            if hasattr(cls, "model_validate"):
                return cls.model_validate(v)
            if hasattr(cls, "__dataclass_fields__"):
                return self.build(cls, v, cls.__dataclass_fields__, {})
        return v

    def on_class(self, v, name):
        cls, what = self.names.get(name), self.classes.get(name)
        if cls is None or what is None:
            return v
        kind, fields = what["kind"], what.get("fields") or {}
        if kind == "enum":
            return self.enum(cls, v)
        _want(v, dict)
        if kind == "typeddict":
            return {k: self.convert(fields.get(k), x) for k, x in v.items()}
        if kind == "pydantic":
            return cls.model_validate(v) if hasattr(cls, "model_validate") else cls.parse_obj(v)
        known = getattr(cls, "__dataclass_fields__", None) or getattr(cls, "_fields", None) or getattr(cls, "__attrs_attrs__", None)
        if known is not None and hasattr(cls, "__attrs_attrs__"):
            known = [a.name for a in cls.__attrs_attrs__]
        return self.build(cls, v, known, fields)

    def build(self, cls, v, known, fields):
        values = {}
        for k, x in v.items():
            if known is None or k in known and getattr(known[k] if isinstance(known, dict) else None, "init", True):
                values[k] = self.convert(fields.get(k), x)
        return cls(**values)

    def enum(self, cls, v):
        try:
            return cls(v)
        except ValueError:
            try:
                return cls[v]
            except (KeyError, TypeError):
                raise ValueError("expected one of " + ", ".join(str(m.value) for m in cls)) from None


# The scripts of the workspace are modules by their paths: f/lib/dates is f.lib.dates.


class _Scripts:
    def __init__(self, scripts, root):
        self.scripts = scripts  # module → (file, code or None)
        self.root = root
        self.packages = set()
        for name in scripts:
            parent = name.rpartition(".")[0]
            while parent:
                self.packages.add(parent)
                parent = parent.rpartition(".")[0]

    def find_spec(self, name, path=None, target=None):
        if name in self.scripts:
            spec = _ModuleSpec(name, self, origin=self.root + self.scripts[name][0])
            spec.has_location = True
            return spec
        if name in self.packages:
            return _ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__
        if name not in self.scripts:
            return
        if name in self.packages:
            module.__path__ = []  # a script beside a folder of its name
        file, code = self.scripts[name]
        if code is None:  # compile.py could not: raise its error here, where it is imported
            code = compile(self.get_source(name), file, "exec", dont_inherit=True)
        exec(code, module.__dict__)

    def is_package(self, name):
        return name not in self.scripts

    def get_source(self, name):
        if name not in self.scripts:
            return None
        with open(self.root + self.scripts[name][0], encoding="utf-8-sig") as f:
            return f.read()


_ModuleSpec = type(sys.__spec__)


# The ends of a job.


def _write_result(path, envelope):
    with open(path + ".tmp", "wb", 0) as f:
        view = memoryview(envelope)
        while len(view):
            view = view[f.write(view) :]
    posix.rename(path + ".tmp", path)


def _stack(error, files):
    """The traceback without our frames."""
    import traceback

    te = traceback.TracebackException.from_exception(error)
    todo, seen = [(te, True)], set()
    while todo:
        one, top = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        frames = [f for f in one.stack if f.filename != _HERE and not f.filename.startswith("<frozen importlib")]
        if top:  # cut what leads to the user's code, such as asyncio
            for i, f in enumerate(frames):
                if f.filename in files:
                    frames = frames[i:]
                    break
        one.stack[:] = frames
        if one is te and not frames and not (te.__cause__ or te.__context__):
            return "".join(te.format_exception_only()).rstrip("\n")  # nothing of the user's was running
        todo += [(one.__cause__, True), (one.__context__, True)]
        todo += [(e, True) for e in getattr(one, "exceptions", None) or ()]
    return "".join(te.format()).rstrip("\n")


def _failure(error, files):
    try:
        message = str(error)
    except Exception:
        message = ""
    try:
        stack = _stack(error, files)
    except Exception:
        stack = type(error).__name__ + ": " + message
    return {"name": type(error).__name__, "message": message, "stack": stack}


def _leave(code):
    """Ends as Python does, joining threads and running exit handlers, without tearing down every module."""
    try:
        threading = sys.modules.get("threading")
        if threading:
            threading._shutdown()
        handlers = sys.modules.get("atexit")
        if handlers:
            handlers._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        posix._exit(code)


def _exit_code(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


class _Stream:
    """Items of a generator go to descriptor 3 as they come."""

    def __init__(self):
        self.items = []
        self.open = True
        try:
            mode = posix.fstat(3).st_mode & 0o170000
            self.open = mode in (0o010000, 0o140000)  # a pipe or a socket
            posix.set_inheritable(3, False)
        except OSError:
            self.open = False

    def add(self, item):
        self.items.append(item)
        if not self.open:
            return
        text = item if isinstance(item, str) else _encode(item).decode() + "\n"
        line = _encode(text) + b"\n"
        try:
            while line:
                line = line[posix.write(3, line) :]
        except OSError:
            self.open = False

    def result(self):
        if self.items and all(isinstance(i, str) for i in self.items):
            return "".join(self.items)
        return self.items


def _resolve(value, stream):
    """Waits for coroutines and drains generators."""
    kind = type(value)
    if hasattr(kind, "__await__"):
        import asyncio

        async def wait():
            result = await value
            if hasattr(type(result), "__anext__"):
                return await drain(result)
            return result

        async def drain(items):
            async for item in items:
                stream.add(item)
            return stream.result()

        value = asyncio.run(wait())
    elif hasattr(kind, "__anext__"):
        import asyncio

        async def drain_all():
            async for item in value:
                stream.add(item)
            return stream.result()

        value = asyncio.run(drain_all())
    if hasattr(type(value), "__next__") and hasattr(type(value), "send"):
        for item in value:
            stream.add(item)
        return stream.result()
    return value


def _main():
    program_file, packages = sys.argv[1], sys.argv[2]
    result_file = posix.getcwd() + "/result.json"
    with open(program_file, "rb") as f:
        program = marshal.loads(f.read())
    root = program_file.rpartition("/")[0] + "/code/"
    scripts = _Scripts(program["scripts"], root)
    main_file = program["scripts"][program["main"]][0]
    files = {file for file, _ in program["scripts"].values()}
    stream = _Stream()

    if packages:
        sys.path.append(packages)
        if program_pth(packages):
            import site

            site.addsitedir(packages)
    sys.meta_path.insert(0, scripts)
    sys.argv[:] = [main_file]
    if sys.version_info >= (3, 11):
        sys.set_int_max_str_digits(0)  # JSON has integers of any size

    import builtins

    def leave(code=None):
        raise SystemExit(code)

    builtins.exit = builtins.quit = leave

    # User code sees sys.modules["__main__"]; ours must not be found there by accident.
    with open("args.json", encoding="utf-8") as f:
        text = f.read()
    args = _decode(text, program["exact"])
    del text

    start = _now()
    code = 0
    try:
        __import__(program["main"])
        module = sys.modules[program["main"]]
        main = getattr(module, "main", None)
        if main is None:
            raise AttributeError("the script has no function main: define one, or import it from another script")
        converter = _Arguments(program["classes"], module.__dict__)
        positional, keyword, open_end = [], {}, True
        for i, name in enumerate(program["names"]):
            if name in args:
                try:
                    value = converter.convert(program["args"].get(name), args.pop(name))
                except (ValueError, TypeError) as e:
                    raise ArgumentError("the argument %s is not valid: %s" % (name, e)) from None
            elif name in program["optional"]:
                value = None
            else:
                open_end = open_end and i >= program["positional"]
                continue
            if i < program["positional"] and open_end:
                positional.append(value)
            else:
                keyword[name] = value
        if program["rest"]:
            keyword.update(args)
        result = _resolve(main(*positional, **keyword), stream)
        end = _now()
        envelope = b'{"ok":true,"start":%d,"end":%d,"result":' % (start, end) + _encode(result) + b"}"
    except SystemExit as e:
        code = _exit_code(e.code)
        if code:
            _leave(code)
        envelope = b'{"ok":true,"start":%d,"end":%d,"result":null}' % (start, _now())
    except BaseException as e:
        end = _now()
        failure = _failure(e, files)
        code = 1
        print(failure["stack"], file=sys.stderr)
        envelope = b'{"ok":false,"start":%d,"end":%d,"error":' % (start, end) + _encode(failure) + b"}"
    _write_result(result_file, envelope)
    _leave(code)


def program_pth(packages):
    """Whether a package wants its .pth file read, which Python does only for site folders."""
    for name in posix.listdir(packages):
        if name.endswith(".pth"):
            return True
    return False


_main()
