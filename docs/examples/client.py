"""A client of Hearken's HTTP API in Python, with nothing but the standard library.

    python3 client.py http://127.0.0.1:8080 'refund csat:<=2'

prints every interaction that matches, with what was said where it matched, and how the matches are spread over countries. A
key, where the server asks for one, comes from the environment variable HEARKEN_KEY.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Hearken:
    """A server. Answers are what the API says, as Python's dictionaries and lists."""

    def __init__(self, url, key=None):
        self.url = url.rstrip("/")
        self.headers = {"authorization": f"Bearer {key}"} if key else {}

    def get(self, path, **parameters):
        """Asks once more after a while when the server has no place free. Lists are repeated: country=["DE", "FR"]."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{self.url}{path}?{query}", headers=self.headers)
        while True:
            try:
                return json.load(urllib.request.urlopen(request, timeout=60))
            except urllib.error.HTTPError as error:
                problem = json.load(error)
                if error.code not in (429, 503):
                    raise ValueError(f"{problem['code']}: {problem['detail']}") from error
                time.sleep(int(error.headers.get("retry-after", 1)))

    def search(self, q, **parameters):
        """Every match, page after page."""
        cursor = {}
        while True:
            page = self.get("/v1/interactions", q=q, limit=100, **parameters, **cursor)
            yield from page["items"]
            if not page["next_cursor"]:
                return
            cursor = {"cursor": page["next_cursor"]}

    def facets(self, q, *fields, **parameters):
        """How often each value of these fields occurs among the matches."""
        answer = self.get("/v1/interactions", q=q, limit=0, facets=",".join(fields), **parameters)
        return answer["facets"]

    def show(self, id):
        """One interaction with its transcript."""
        return self.get("/v1/interactions/" + urllib.parse.quote(id, safe=""))

    def send(self, *events):
        """Events, which are durable when this returns."""
        body = "\n".join(map(json.dumps, events)).encode()
        headers = {**self.headers, "content-type": "application/x-ndjson"}
        request = urllib.request.Request(f"{self.url}/v1/events", data=body, headers=headers)
        answer = json.load(urllib.request.urlopen(request, timeout=60))
        if answer["rejected"]:
            raise ValueError(answer["rejected"])


def main():
    hearken = Hearken(sys.argv[1], os.environ.get("HEARKEN_KEY"))
    q = sys.argv[2] if len(sys.argv) > 2 else ""
    for interaction in hearken.search(q, sort="-start_time"):
        print(interaction["start_time"], interaction["id"], interaction["topics_summary"]["topic"])
        for highlight in interaction["highlights"]:
            print("   ", highlight["role"], *highlight["fragments"])
    for row in hearken.facets(q, "country")["country"]:
        print(f"{row['count']:8} {row['value']}")


if __name__ == "__main__":
    main()
