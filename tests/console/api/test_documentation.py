"""The API's own description."""

import re

from proxy.console.api import endpoints


async def test_the_document_names_every_endpoint(desk, ports):
    answer = await desk.get("/api/openapi.json")
    assert (answer.status, answer.body["openapi"]) == (200, "3.1.0")
    described = {
        (method.upper(), path)
        for path, operations in answer.body["paths"].items()
        for method in operations
    }
    assert described == {(each.method, each.path) for each in endpoints(ports)}


async def test_every_reference_of_the_document_leads_somewhere(desk):
    body = (await desk.get("/api/openapi.json")).body
    named = set(re.findall(r"#/components/schemas/([\w.-]+)", str(body)))
    assert named
    assert named <= set(body["components"]["schemas"])


async def test_the_page_names_every_endpoint_and_loads_nothing(desk, ports):
    answer = await desk.get("/api/docs")
    page = answer.body.decode()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for each in endpoints(ports):
        assert f'>{each.method}</span> <code class="any">{each.path}</code>' in page
    assert not re.search(r"<script|<style|style=|src=", page)
    loaded = re.findall(r'<link rel="\w+" href="([^"]+)"', page)
    assert loaded
    assert all(url.startswith("/static/") for url in loaded)
    anchors, targets = re.findall(r'href="#([^"]+)"', page), re.findall(r'id="([^"]+)"', page)
    assert set(anchors) <= set(targets)
    assert len(targets) == len(set(targets))


async def test_the_page_may_run_nothing(desk):
    headers = (await desk.get("/api/docs")).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
