# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "rich>=13",  # pretty
#   'httpx[http2]',
# ]
# ///
import numpy


def main():
    pass
