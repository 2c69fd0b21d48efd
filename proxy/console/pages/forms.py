"""What people send by form, as the API's own models read it."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from proxy.endpoint import Model, Problem


async def form_of(request: web.Request) -> Mapping[str, str]:
    """A form's fields."""
    form = await request.post()
    found = {name: value for name, value in form.items() if isinstance(value, str)}
    # Browsers end lines as the old standard has it; files here end them as the new ones do.
    return {name: value.replace("\r\n", "\n") for name, value in found.items()}


def read[Form: Model](
    model: type[Form], given: Mapping[str, object], why: str = "Say why, in one line."
) -> Form:
    """The model that a form's fields fill in; what is empty was not said. Raises Problem 400 in the
    words of `why` where the reason is missing."""
    said = {name: value for name, value in given.items() if name in model.model_fields and value}
    try:
        return model.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if where == "reason":
            raise Problem(400, "bad_query", why) from None
        raise Problem(
            400, "bad_query", f"{where}: {first['msg']}" if where else first["msg"]
        ) from None
