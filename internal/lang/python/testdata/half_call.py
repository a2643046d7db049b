from typing import Literal


def main(name: str, mode: Literal["a", "b"] = "a", items: list[
