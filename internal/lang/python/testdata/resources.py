from typing import TypedDict

import pandas as pd
import wmill
from f.lib.types import Customer, mysql

postgresql = dict


class my_api(TypedDict):
    url: str


Rows = list[dict[str, int]]
type Ids = list[int]


def main(db: postgresql, api: my_api, cloud: GoogleCloud, s3: S3Object, bucket: wmill.S3Object, rows: Rows, ids: Ids, frame: pd.DataFrame, customer: Customer, other: mysql):
    pass
