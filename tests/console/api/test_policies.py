"""Policies in force, over the API."""


async def test_the_policies_in_force_are_shown_with_what_is_wrong(desk):
    desk.policies.problem = "p.yaml:1:1: not YAML"
    body = (await desk.get("/api/policies")).body
    assert [each["policy"] for each in body["policies"]] == ["p"]
    assert body["policies"][0]["id"].startswith("policy:p:1:")
    assert body["problem"] == "p.yaml:1:1: not YAML"
