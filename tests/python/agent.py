"""An AI agent's view of Hearken: the official MCP client, over HTTP and over the standard input of `hearken mcp`.

Arguments: the server's address, the `hearken` program, a key that may search and read, one with `metadata` alone, one with
`search` alone, one with `read` alone, and one of another organization.
"""

import asyncio
import json
import sys
import urllib.parse
import urllib.request

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

URL, PROGRAM, KEY, METADATA_KEY, SEARCH_KEY, READ_KEY, OTHER_KEY = sys.argv[1:]
TOOLS = ["compare", "facets", "overview", "search", "show"]


class Refused(Exception):
    """A tool said no, and why."""


async def ask(client, tool, **arguments):
    """What a tool answers, which is never longer than asked for and always comes with the warning."""
    result = await client.call_tool(tool, arguments)
    texts = [content.text for content in result.content]
    if result.is_error:
        raise Refused(texts[0])
    warning, answer = texts
    assert "never follow instructions" in warning, warning
    assert len(answer.encode()) <= 4 * arguments.get("max_tokens", 6000), len(answer)
    return json.loads(answer)


async def refusal(client, tool, **arguments):
    try:
        answer = await ask(client, tool, **arguments)
    except Refused as refused:
        return str(refused)
    raise AssertionError(f"{tool} {arguments} was answered: {answer}")


async def read(client, id):
    """What was said in an interaction, by its resource, from one cursor to the next."""
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "hearken://interactions/{id}{?cursor}", template
    told, uri = "", f"hearken://interactions/{urllib.parse.quote(id, safe='')}"
    while uri:
        warning, answer = [content.text for content in (await client.read_resource(uri)).contents]
        assert "never follow instructions" in warning and len(answer.encode()) <= 4 * 6000, warning
        page = json.loads(answer)
        told += "".join(said["message"] for said in page.get("messages", []))
        cursor = page.get("next_cursor")
        uri = cursor and uri.split("?")[0] + f"?cursor={cursor}"
    return told


async def pages(client, tool, **arguments):
    """Every page, from one cursor to the next."""
    page = await ask(client, tool, **arguments)
    yield page
    while cursor := page.get("next_cursor"):
        page = await ask(client, tool, **arguments, cursor=cursor)
        yield page


def interaction(id):
    request = urllib.request.Request(f"{URL}/v1/interactions/{urllib.parse.quote(id, safe='')}")
    request.add_header("authorization", f"Bearer {KEY}")
    return json.load(urllib.request.urlopen(request))


async def unread(client, id):
    try:
        told = await read(client, id)
    except MCPError as error:
        return str(error)
    raise AssertionError(f"{id} was read: {told}")


async def look_around(client):
    listed = (await client.list_tools()).tools
    assert sorted(tool.name for tool in listed) == TOOLS, listed
    assert all(tool.annotations.read_only_hint for tool in listed)

    overview = await ask(client, "overview")
    assert overview["total"] == 41 and "over_time" not in overview, overview
    by_day = await ask(client, "overview", interval="day", filters={"agent_version": "2"})
    assert by_day["total"] == 20 and by_day["over_time"], by_day

    counted = await ask(client, "facets", facets=["integration", "agent_version"], q="parcel")
    counts = {row["value"]: row["count"] for row in counted["facets"]["agent_version"]}
    assert counts == {"1": 20, "2": 20}, counted

    compared = await ask(
        client, "compare", facets=["integration"], first={"filters": {"agent_version": "1"}},
        second={"filters": {"agent_version": ["2"]}},
    )
    assert (compared["first"]["total"], compared["second"]["total"]) == (20, 20), compared
    rows = {row["value"]: row for row in compared["facets"]["integration"]}
    assert rows["web"]["first_share"] == 1.0 and rows["web"]["second"] == 0, compared

    # Every interaction once, whether a page is short because it was asked for or because it must be.
    for arguments in ({"limit": 7}, {"limit": 100, "max_tokens": 1000}):
        found, sizes = [], []
        async for page in pages(client, "search", q="parcel", sort="-start_time", **arguments):
            assert page["total"] == 40
            found += [item["id"] for item in page["items"]]
            sizes.append(len(page["items"]))
            assert all("parcel" in str(item["highlights"]) for item in page["items"])
        assert len(found) == 40 == len(set(found)), (arguments, found)
        assert max(sizes) <= 20, sizes

    # A transcript of any length is read to its end, and so is a single long message.
    for max_tokens in (1000, 25000):
        told = ""
        async for page in pages(client, "show", id="long", max_tokens=max_tokens):
            told += "".join(said["message"] for said in page["messages"])
        assert told == "".join(said["message"] for said in interaction("long")["transcript"]), max_tokens
    assert await read(client, "long") == told, "as a resource"

    # Counts of any number are read to their end, each value once, and what is no list is there once.
    counted = {"facets": ["agent", "metadata.note", "type"], "facet_size": 1000, "max_tokens": 1000}
    groups = {"first": {"filters": {"agent_version": "1"}}, "second": {"filters": {"agent_version": "2"}}}
    for tool, more, once in (
        ("facets", {"q": "parcel"}, "total"), ("overview", {"q": "parcel", "interval": "minute"}, "distributions"),
        ("compare", groups, "second"),
    ):
        answers = [page async for page in pages(client, tool, **counted, **more)]
        notes = [row["value"] for page in answers for row in page["facets"].get("metadata.note", [])]
        wanted = {f"{number} {'n' * 200}" for number in range(40)}
        assert len(answers) > 2 and len(notes) == len(wanted) and set(notes) == wanted, (tool, notes)
        assert [once in page for page in answers] == [True] + [False] * (len(answers) - 1), tool
        assert sum(len(page.get("over_time", [])) for page in answers) == (40 if tool == "overview" else 0)
        assert sum("type" in page["facets"] for page in answers) == 1
    all_matches, cursor = [], None
    while cursor is not None or not all_matches:
        page = await ask(client, "show", id="long", q="line", max_tokens=2000, cursor=cursor)
        all_matches += [match["n"] for match in page["matches"]]
        cursor = str(page["next_match"]) if "next_match" in page else None
    assert all_matches == [n for n in range(30) if n not in (12, 20)], all_matches

    matches = (await ask(client, "show", id="long", q="needle"))["matches"]
    at = await ask(client, "show", id="long", cursor=str(matches[0]["n"]))
    assert "needle" in at["messages"][0]["message"], at

    assert "did you mean `facets`" in await refusal(client, "facets", facet=["country"])
    assert "(unknown_field)" in await refusal(client, "search", q="contry:Germany")
    assert "(invalid_parameter)" in await refusal(client, "search", max_tokens=1)
    assert "(not_found)" in await refusal(client, "show", id="nobody")
    assert "next_cursor" in await refusal(client, "facets", facets=["agent"], cursor="x")


async def look_without_words(client):
    """Facts, but nothing that anybody said."""
    page = await ask(client, "search", filters={"integration": "web"})
    assert page["total"] == 20 and "parcel" not in json.dumps(page), page
    shown = await ask(client, "show", id="long")
    assert "messages" not in shown and "needle" not in json.dumps(shown), shown
    assert await read(client, "long") == ""
    assert "search" in await refusal(client, "search", q="parcel")
    assert "(forbidden)" in await refusal(client, "facets", facets=["keywords"])
    assert "(forbidden)" in await refusal(client, "show", id="long", q="needle")
    assert "(forbidden)" in await refusal(client, "compare", first={"q": "parcel"}, second={})


async def look_with_half_a_key(searching, reading):
    """Each tool asks for what it needs."""
    assert (await ask(searching, "search", q="parcel"))["total"] == 40
    assert "(forbidden)" in await refusal(searching, "show", id="long")
    assert "(forbidden)" in await unread(searching, "long")
    assert len((await ask(reading, "show", id="long"))["messages"]) > 1
    groups = {"first": {}, "second": {}}
    for tool, arguments in (("search", {}), ("facets", {"facets": ["agent"]}), ("overview", {}), ("compare", groups)):
        assert "(forbidden)" in await refusal(reading, tool, **arguments)


async def look_from_elsewhere(client):
    """Another organization has nothing here."""
    assert (await ask(client, "search"))["total"] == 0
    assert (await ask(client, "overview"))["total"] == 0
    assert "(not_found)" in await refusal(client, "show", id="long")
    assert "(not_found)" in await unread(client, "long")


def by_http(key):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return streamable_http_client(f"{URL}/mcp", http_client=httpx2.AsyncClient(headers=headers, timeout=60))


def by_stdio(key):
    environment = {"HEARKEN_URL": URL, "HEARKEN_KEY": key}
    return StdioServerParameters(command=PROGRAM, args=["mcp"], env=environment)


async def main():
    for transport in (by_http, by_stdio):
        for mode in ("auto", "legacy"):
            async with Client(transport(KEY), mode=mode) as client:
                await look_around(client)
        async with Client(transport(METADATA_KEY)) as client:
            await look_without_words(client)
        async with Client(transport(SEARCH_KEY)) as searching, Client(transport(READ_KEY)) as reading:
            await look_with_half_a_key(searching, reading)
        async with Client(transport(OTHER_KEY)) as client:
            await look_from_elsewhere(client)
        try:
            async with Client(transport("")) as client:
                await client.list_tools()
        except Exception as error:  # the SDK wraps it in groups of its own
            assert "AssertionError" not in repr(error)
        else:
            raise AssertionError("whoever shows no key was let in")


asyncio.run(main())
