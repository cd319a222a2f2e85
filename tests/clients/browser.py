"""A browser without a window: it logs johndoe in, and allows what is asked."""

import re
from html import unescape
from urllib.parse import urljoin

import httpx


class Browser:
    """Keeps the cookies of each server."""

    def __init__(self):
        self.http = httpx.Client(headers={"sec-fetch-site": "same-origin"})

    def open(self, url, end):
        """Goes on until it is sent to `end`; returns where."""
        answer = self.http.get(url)
        for _ in range(15):
            location = answer.headers.get("location")
            if location:
                location = urljoin(str(answer.url), location)
                if location.startswith(end):
                    return location
                answer = self.http.get(location)
                continue
            form = re.search(r'<form method="post" action="([^"]*)"', answer.text)
            assert form, f"{answer.status_code} {answer.url}: {answer.text}"
            action = unescape(form[1])
            token = re.search(r'name="form_token" value="([^"]*)"', answer.text)[1]
            fields = {"form_token": token, "decision": "allow"}
            if "/auth/login" in action:
                fields = {"form_token": token, "username": "johndoe", "password": "1234"}
            answer = self.http.post(urljoin(str(answer.url), action), data=fields)
        raise AssertionError("it goes round and round")
