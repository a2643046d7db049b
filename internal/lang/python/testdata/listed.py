# requirements:
# requests>=2
# pandas[excel]==2.2.0  # with extras

import numpy


def main():
    pass
