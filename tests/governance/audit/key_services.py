"""Key services on this machine that hold a real Ed25519 key: AWS KMS's JSON protocol, Cloud KMS's and Storage's REST.

moto knows no Ed25519 keys, and gcp-storage-emulator ignores ``ifGenerationMatch``, which is the point here.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Answer = tuple[int, dict[str, Any] | bytes]


@dataclass
class AwsKms:
    """``GetPublicKey`` and ``Sign`` of KMS, as botocore speaks to it."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    signs_with: Ed25519PrivateKey | None = None
    spec: str = "ECC_NIST_EDWARDS25519"
    down: bool = False
    sizes: list[int] = field(default_factory=list)

    def __call__(self, _method: str, _path: str, headers: Any, body: bytes) -> Answer:
        if self.down:
            return 400, {"__type": "DisabledException", "message": "the key is disabled"}
        asked = json.loads(body)
        match headers["X-Amz-Target"]:
            case "TrentService.GetPublicKey":
                der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                told = {"KeySpec": self.spec, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["ED25519_SHA_512"]}
                return 200, {"KeyId": asked["KeyId"], "PublicKey": base64.b64encode(der).decode(), **told}
            case "TrentService.Sign" if (asked["SigningAlgorithm"], asked["MessageType"]) == ("ED25519_SHA_512", "RAW"):
                message = base64.b64decode(asked["Message"])
                self.sizes.append(len(message))
                if len(message) > 4096:
                    return 400, {"__type": "ValidationException", "message": "at most 4096 bytes"}
                signature = base64.b64encode((self.signs_with or self.key).sign(message)).decode()
                return 200, {"KeyId": asked["KeyId"], "Signature": signature, "SigningAlgorithm": "ED25519_SHA_512"}
            case other:
                return 400, {"__type": "ValidationException", "message": f"{other}: {asked}"}


@dataclass
class CloudKms:
    """``getPublicKey`` and ``asymmetricSign`` of Cloud KMS."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    down: bool = False

    def __call__(self, method: str, path: str, _headers: Any, body: bytes) -> Answer:
        if self.down:
            return 403, {"error": {"code": 403, "message": "denied", "status": "PERMISSION_DENIED"}}
        name = urlsplit(path).path.removeprefix("/v1/")
        if method == "GET" and name.endswith("/publicKey"):
            pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
            return 200, {"pem": pem, "algorithm": "EC_SIGN_ED25519", "name": name.removesuffix("/publicKey")}
        if method == "POST" and name.endswith(":asymmetricSign"):
            message = base64.b64decode(json.loads(body)["data"])
            return 200, {"signature": base64.b64encode(self.key.sign(message)).decode()}
        return 404, {"error": {"code": 404, "message": f"{method} {path}", "status": "NOT_FOUND"}}


@dataclass
class CloudStorage:
    """Buckets whose preconditions, retention and holds are enforced."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    held: set[tuple[str, str]] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    locked: bool = True
    down: bool = False
    page: int = 2
    """Objects in an answer to a list."""

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        url = urlsplit(path)
        asked = {name: found[0] for name, found in parse_qs(url.query).items()}
        parts = [unquote(part) for part in url.path.split("/b/", 1)[1].split("/")]
        bucket = parts[0]
        if self.down:
            return 400, {"error": {"code": 400, "message": "the store is down"}}
        if bucket not in self.buckets:
            return 404, {"error": {"code": 404, "message": "The specified bucket does not exist."}}
        if url.path.startswith("/upload/"):
            return self._create(bucket, asked, headers, body)
        if len(parts) == 2:
            return self._list(bucket, asked)
        return self._one(method, (bucket, parts[2]), asked, body)

    def _create(self, bucket: str, asked: dict[str, str], headers: Any, body: bytes) -> Answer:
        boundary = re.search('boundary="?([^";]+)', headers["Content-Type"])
        assert boundary is not None
        told, content = body.split(b"--" + boundary[1].encode())[1:3]
        described = json.loads(told.split(b"\r\n\r\n", 1)[1])
        name = (bucket, described["name"])
        if name in self.objects and (self.locked or asked.get("ifGenerationMatch") == "0"):
            return 412, {"error": {"code": 412, "message": "At least one of the pre-conditions did not hold."}}
        self.objects[name] = content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        return 200, self._described(name)

    def _list(self, bucket: str, asked: dict[str, str]) -> Answer:
        start = asked.get("pageToken") or asked.get("startOffset", "")
        names = sorted(name for place, name in self.objects if place == bucket)
        found = [name for name in names if name.startswith(asked.get("prefix", "")) and name >= start]
        answer: dict[str, Any] = {"items": [self._described((bucket, name)) for name in found[: self.page]]}
        if len(found) > self.page:
            answer["nextPageToken"] = found[self.page]
        return 200, answer

    def _one(self, method: str, name: tuple[str, str], asked: dict[str, str], body: bytes) -> Answer:
        if name not in self.objects:
            return 404, b"No such object: " + "/".join(name).encode()
        if method == "DELETE":
            if self.locked or name in self.held:
                return 403, {"error": {"code": 403, "message": "Object is subject to the bucket's retention policy."}}
            del self.objects[name]
            return 204, b""
        if method == "PATCH":
            hold = json.loads(body)["temporaryHold"]
            (self.held.add if hold else self.held.discard)(name)
        return 200, self.objects[name] if asked.get("alt") == "media" else self._described(name)

    def _described(self, name: tuple[str, str]) -> dict[str, Any]:
        return {"bucket": name[0], "name": name[1], "generation": "1", "temporaryHold": name in self.held}


@contextmanager
def serving(answer: Callable[[str, str, Any, bytes], Answer]) -> Iterator[str]:
    """Have ``answer`` answer at the URL that is yielded."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, found = answer(self.command, self.path, self.headers, body)
            data = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if not isinstance(found, bytes) else "text/plain")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server names them

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
