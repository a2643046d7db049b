# requirements are inferred here
# extra_requirements:
# numpy==2.1.0

import os, sys
import yaml
import google.cloud.storage
import numpy as np
from PIL import Image, ImageDraw
from google.cloud import bigquery
from bs4 import (
    BeautifulSoup,  # with a comment
    Tag as T,
)
import requests  # pin: requests==2.32.0
import f.team.helpers
from f.team.deep.er import thing
from f.team import one, two as zwei
from .sibling import x
from ..other.script import y
from . import near

try:
    import ujson as json
except ImportError:
    import simplejson as json

if TYPE_CHECKING:
    import mypy_boto3_s3

text = """
import not_this
"""


def main():
    import lxml.etree
