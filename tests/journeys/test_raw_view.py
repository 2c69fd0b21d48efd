"""mitmproxy's own viewer beside a running Exeat, for an admin who asks for it."""

import httpx

from tests.house import NO_TLS, House, chat, eventually, house


async def ask(client: httpx.AsyncClient, home: House) -> httpx.Response:
    return await client.post(
        f"http://127.0.0.1:{home.console_port}/api/raw-view",
        headers={"authorization": f"Bearer {home.token}"},
    )


async def test_an_admin_sees_bodies_and_no_keys(tmp_path):
    async with house(tmp_path, raw_view=True) as home:
        async with home.client() as agent:
            answer = await agent.post(
                "/openai/v1/chat/completions",
                json=chat(),
                headers={"authorization": "Bearer sk-agents-own"},
            )
        assert answer.status_code == 200
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as browser:
            url = (await ask(browser, home)).json()["url"]
            assert (await browser.get(url)).status_code == 200
            base = url.partition("/?")[0]

            async def flows():
                return (await browser.get(f"{base}/flows")).json()

            [flow] = await eventually(flows, bool)
            assert "sk-agents-own" not in repr(flow)
            body = await browser.get(f"{base}/flows/{flow['id']}/response/content.data")
            assert body.content == answer.content


async def test_it_is_off_unless_asked_for(tmp_path):
    async with house(tmp_path) as home, httpx.AsyncClient(verify=NO_TLS, trust_env=False) as client:
        answer = await ask(client, home)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_open")
