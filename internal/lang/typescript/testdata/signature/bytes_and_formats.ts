import * as wmill from "windmill-client";
import { S3Object, Base64 } from "windmill-client";
export function main(a: Uint8Array, b: Buffer, c: wmill.Base64, d: Base64, e: wmill.Email, f: wmill.Sql, g: S3Object, h: wmill.S3Object,
  i: URL, j: Uint8Array[], k: DynSelect_region) {}
