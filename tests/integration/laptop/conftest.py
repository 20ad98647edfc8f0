"""A stand-in for our services, so that the launcher is tested by itself: small programs under the same module names."""

from pathlib import Path

import pytest

from deploy.laptop import environment

_ONE_SHOT = "print('done')\n"
# Answers on its port until told to stop; FAKE_CRASH names a process that ends by itself instead.
_PROCESS = """
import http.server, os, sys
service, role = __package__.rsplit(".", 1)[-1], sys.argv[1]
port = os.environ[f"LINLI_{service.upper()}_{'WORKER_' if role == 'worker' else ''}PORT"]
if os.environ.get("FAKE_CRASH") == f"{service}-{role}":
    print("the sky is falling")
    sys.exit(7)

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
        self.wfile.write("\\n".join(sorted(name for name in os.environ if name.startswith("LINLI_"))).encode())

http.server.HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the stand-in, which the launcher takes for the code from now on."""
    root = tmp_path / "code"
    for module in ("shared.provision", "shared.migrate", "shared.bus.topics"):
        _write(root, module, _ONE_SHOT)
    for service in environment.SERVICES:
        _write(root, f"services.{service}.__main__", _PROCESS)
    monkeypatch.setattr(environment, "ROOT", root)
    return root


def _write(root: Path, module: str, text: str) -> None:
    path = root / (module.replace(".", "/") + ".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in path.relative_to(root).parents:
        (root / folder / "__init__.py").touch()
    path.write_text(text)
