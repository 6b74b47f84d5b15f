"""Health checks that cost little, for containers without curl: exit code 0 means healthy.

    healthy.py http http://127.0.0.1:5000/health
    healthy.py grpc 127.0.0.1:4000

Dagster's own `dagster api grpc-health-check` asks the same, after two seconds of imports.
"""
# ruff: noqa: INP001

import sys
import urllib.request


def main() -> bool:
    """Whether the server that the arguments name is well."""
    kind, address = sys.argv[1:]
    if kind == "http":
        # Loopback, so never through a proxy that the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(address, timeout=10) as answer:
            return answer.status == 200
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
