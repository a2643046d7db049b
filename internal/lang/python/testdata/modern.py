# coding: utf-8
from __future__ import annotations

type Pair[T] = tuple[T, T]


class Box[T: (int, str)]:
    def get(self) -> T: ...


def first[T, *Ts, **P](items: list[T], /) -> T:
    return items[0]


def main(rows: list[dict[str, int]], mode: str = "a", *, deep: bool = False) -> dict:
    """Takes the newest syntax."""
    if (n := len(rows)) > 1:
        print(f"{rows[0]["a"]!r:>{n}} {'nested ' + f"{n=}"} {{}}")
    match rows:
        case [{"a": int(x), **rest}, *_] if x > 0:
            pass
        case {"kind": "b" | "c" as kind}:
            pass
        case _:
            pass
    try:
        raise ExceptionGroup("many", [ValueError()])
    except* (ValueError, TypeError) as eg:
        print(eg)
    with (open("a") as a, open("b") as b):
        pass
    x = [*rows, *({**r} for r in rows)]
    y = lambda *a, k=1, **kw: (yield)
    z = 0x_ff + 1_000.0e-3 + 1j @ x
    print(*x, sep="", **{"end": ""})
    global g
    del x[1:2, ...]
    assert x, "no"
    return {**{}, "a": rows[::-1]} if not deep else {}
