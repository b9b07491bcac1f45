"""An export as Parquet, read by DuckDB. Argument: the file."""

import datetime
import sys

import duckdb

calls = duckdb.read_parquet(sys.argv[1])
types = dict(zip(calls.columns, map(str, calls.types)))
assert types["id"] == "VARCHAR" and types["duration"] == "DOUBLE" and types["messages_count"] == "BIGINT", types
assert types["start_time"] == "TIMESTAMP WITH TIME ZONE" and types["tools"] == "VARCHAR[]", types
assert types["total_costs"] == "VARCHAR", types



def rows(query):
    return duckdb.sql(query).fetchall()


assert rows("select count(*), count(distinct id) from calls") == [(12_000, 12_000)]
(row,) = rows("""
    select organization, messages_count, duration, tools, epoch_us(start_time), csat, transcript,
           cast(total_costs as decimal(18, 6)) from calls where id = 'call-7'
""")
start = datetime.datetime(2026, 5, 1, 10, 0, 7, 250_000, tzinfo=datetime.timezone.utc)
assert row[:4] == ("acme", 1, 3600.5, ["look_up", "refund"]), row
assert row[4] == round(start.timestamp() * 1_000_000) and row[5] is None, row
assert row[6].startswith("user: number 7 \N{OK HAND SIGN}") and str(row[7]) == "0.070000", row
assert rows("select tools, total_costs from calls where id = 'call-8'") == [([], "0.08")]
((groups,),) = rows(f"select count(distinct row_group_id) from parquet_metadata('{sys.argv[1]}')")
assert groups > 1, "one group of rows would mean that all of them were in memory at once"
