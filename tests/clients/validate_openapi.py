"""The document is a valid OpenAPI 3.0 one. Argument: the server's address."""

import sys

import requests
from openapi_spec_validator import OpenAPIV30SpecValidator

document = requests.get(f"{sys.argv[1]}/openapi.json", timeout=20).json()
assert document["openapi"] == "3.0.3", document["openapi"]
OpenAPIV30SpecValidator(document).validate()
