# ruff: noqa: D102, N802 (the methods are the protocol's, which documents them and spells them so)
"""The plugin protocol around a :class:`Simulation`: handshake, TLS and one method for each request of Terraform."""

from __future__ import annotations

import base64
import datetime
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, grpc_stdio_pb2_grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from offline_provider.codec import decode, encode
from offline_provider.schema import conform, to_message
from offline_provider.simulation import IMPORTED, RefusedError, Simulation

COOKIE = ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2")
"""What Terraform sets for its plugins (github.com/hashicorp/terraform, internal/plugin/serve.go)."""


def _value(value: Any) -> Any:
    return pb.DynamicValue(msgpack=encode(value))


def _error(summary: str, detail: str = "", path: str = "") -> Any:
    diagnostic = pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail)
    if path:
        diagnostic.attribute.steps.append(pb.AttributePath.Step(attribute_name=path.split(".")[0]))
    return diagnostic


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    """Answers Terraform from a simulation."""

    def __init__(self, simulation: Simulation, stop: Callable[[], None]) -> None:
        self.simulation = simulation
        self.stop = stop

    def GetMetadata(self, _request: Any, _context: Any) -> Any:
        recording = self.simulation.recording
        answer = pb.GetMetadata.Response(server_capabilities=_capabilities())
        for name in recording["resource_schemas"]:
            answer.resources.append(pb.GetMetadata.ResourceMetadata(type_name=name))
        for name in recording["data_source_schemas"]:
            answer.data_sources.append(pb.GetMetadata.DataSourceMetadata(type_name=name))
        return answer

    def GetProviderSchema(self, _request: Any, _context: Any) -> Any:
        recording = self.simulation.recording
        return pb.GetProviderSchema.Response(
            provider=to_message(recording["provider"]),
            resource_schemas={name: to_message(schema) for name, schema in recording["resource_schemas"].items()},
            data_source_schemas={name: to_message(schema) for name, schema in recording["data_source_schemas"].items()},
            server_capabilities=_capabilities(),
        )

    def GetFunctions(self, _request: Any, _context: Any) -> Any:
        return pb.GetFunctions.Response()

    def ValidateProviderConfig(self, _request: Any, _context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, _context: Any) -> Any:
        found = self.simulation.problems(request.type_name, decode(request.config) or {})
        return pb.ValidateResourceConfig.Response(diagnostics=[_error(text, path=path) for path, text in found])

    def ValidateDataResourceConfig(self, request: Any, _context: Any) -> Any:
        found = self.simulation.problems(request.type_name, decode(request.config) or {}, data=True)
        return pb.ValidateDataResourceConfig.Response(diagnostics=[_error(text, path=path) for path, text in found])

    def ConfigureProvider(self, request: Any, _context: Any) -> Any:
        self.simulation.configure(decode(request.config) or {})
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, _context: Any) -> Any:
        state = decode(request.raw_state) or {}
        return pb.UpgradeResourceState.Response(
            upgraded_state=_value(conform(self.simulation.block(request.type_name), state))
        )

    def ReadResource(self, request: Any, _context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state, private=request.private)

    def PlanResourceChange(self, request: Any, _context: Any) -> Any:
        plan = self.simulation.plan(
            request.type_name,
            decode(request.prior_state),
            decode(request.proposed_new_state),
            decode(request.config) or {},
            request.prior_private,
        )
        answer = pb.PlanResourceChange.Response(planned_state=_value(plan.state), planned_private=request.prior_private)
        for path in plan.replace:
            step = pb.AttributePath.Step(attribute_name=path.split(".")[0])
            answer.requires_replace.append(pb.AttributePath(steps=[step]))
        return answer

    def ApplyResourceChange(self, request: Any, _context: Any) -> Any:
        try:
            state = self.simulation.apply(
                request.type_name,
                decode(request.prior_state),
                decode(request.planned_state),
                decode(request.config) or {},
            )
        except RefusedError as refused:
            return pb.ApplyResourceChange.Response(new_state=request.prior_state, diagnostics=[_error(str(refused))])
        return pb.ApplyResourceChange.Response(new_state=_value(state))

    def ImportResourceState(self, request: Any, _context: Any) -> Any:
        try:
            state = self.simulation.imported(request.type_name, request.id)
        except RefusedError as refused:
            return pb.ImportResourceState.Response(diagnostics=[_error(str(refused))])
        found = pb.ImportResourceState.ImportedResource(
            type_name=request.type_name, state=_value(state), private=IMPORTED
        )
        return pb.ImportResourceState.Response(imported_resources=[found])

    def ReadDataSource(self, request: Any, _context: Any) -> Any:
        try:
            state = self.simulation.read_data(request.type_name, decode(request.config) or {})
        except (RefusedError, ValueError) as refused:
            return pb.ReadDataSource.Response(diagnostics=[_error(str(refused))])
        return pb.ReadDataSource.Response(state=_value(state))

    def StopProvider(self, _request: Any, _context: Any) -> Any:
        self.stop()
        return pb.StopProvider.Response()


def _capabilities() -> Any:
    return pb.ServerCapabilities(get_provider_schema_optional=True)


class _Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):  # type: ignore[misc]
    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop

    def Shutdown(self, _request: Any, _context: Any) -> Any:
        self.stop()
        return grpc_controller_pb2.Empty()


class _Stdio(grpc_stdio_pb2_grpc.GRPCStdioServicer):  # type: ignore[misc]
    def StreamStdio(self, _request: Any, _context: Any) -> Any:
        return iter(())


def serve(simulation: Simulation) -> None:
    """Serve ``simulation`` to the Terraform that started this process, until it says stop."""
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.stderr.write("This is a Terraform provider: Terraform starts it. See infra/offline/README.md.\n")
        raise SystemExit(1)
    done = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)])
    rpc.add_ProviderServicer_to_server(Provider(simulation, done.set), server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(_Controller(done.set), server)
    grpc_stdio_pb2_grpc.add_GRPCStdioServicer_to_server(_Stdio(), server)
    certificate, credentials = _certificate()
    with tempfile.TemporaryDirectory(prefix="offline-provider-") as folder:
        socket = f"{folder}/socket"
        server.add_secure_port(f"unix://{socket}", credentials)
        server.start()
        encoded = base64.b64encode(certificate).decode().rstrip("=")
        sys.stdout.write(f"1|6|unix|{socket}|grpc|{encoded}\n")
        sys.stdout.flush()
        done.wait()
        server.stop(grace=0.2).wait()


def _certificate() -> tuple[bytes, Any]:
    """Make a key and certificate for this process alone; neither is written anywhere."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=True,
                data_encipherment=False,
                key_agreement=True,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = (pem_key, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate.public_bytes(serialization.Encoding.DER), grpc.ssl_server_credentials([chain])
