"""An export as Parquet, read by DuckDB. Argument: the file."""

import datetime
import sys

import duckdb

calls = duckdb.read_parquet(sys.argv[1])
types = dict(zip(calls.columns, map(str, calls.types)))
assert types["id"] == "VARCHAR" and types["duration"] == "DOUBLE" and types["messages_count"] == "BIGINT", types
assert types["start_time"] == "TIMESTAMP WITH TIME ZONE" and types["tools"] == "VARCHAR[]", types
assert types["total_costs"] == "VARCHAR", types
message = types["transcript"]
assert message.startswith("STRUCT(") and message.endswith(")[]") and "sentiment_score DOUBLE" in message, message


def rows(query):
    return duckdb.sql(query).fetchall()


assert rows("select count(*), count(distinct id) from calls") == [(12_000, 12_000)]
(row,) = rows("""
    select organization, messages_count, duration, tools, epoch_us(start_time), csat,
           cast(total_costs as decimal(18, 6)) from calls where id = 'call-7'
""")
start = datetime.datetime(2026, 5, 1, 10, 0, 7, 250_000, tzinfo=datetime.timezone.utc)
assert row[:4] == ("acme", 1, 3600.5, ["look_up", "refund"]), row
assert row[4] == round(start.timestamp() * 1_000_000) and row[5] is None, row
assert str(row[6]) == "0.070000", row
assert rows("select tools, total_costs from calls where id = 'call-8'") == [([], "0.08")]

# What was said is a list of messages, each with who said it, when, and how it sounded.
said = "(select id, unnest(transcript) as said from calls)"
assert rows(f"""
    select said.role, said.message, said.tool, epoch_ms(said.at) - epoch_ms(timestamptz '2026-05-01 10:00:07.25+00')
    from {said} where id = 'call-7'
""") == [
    ("user", "number 7 \N{OK HAND SIGN}", None, 0), ("tool", "look_up", "look_up", 1), ("tool", "refund", "refund", 1)
]
assert rows(f"select count(*), count(distinct said.id) from {said}") == [(12_001, 12_001)]
assert rows("select transcript from calls where id = 'call-11'") == [([],)]
((sentiment, score),) = rows(f"select said.sentiment, said.sentiment_score from {said} where id = 'call-9'")
assert sentiment == "negative" and score < 0, (sentiment, score)
((groups,),) = rows(f"select count(distinct row_group_id) from parquet_metadata('{sys.argv[1]}')")
assert groups > 1, "one group of rows would mean that all of them were in memory at once"
