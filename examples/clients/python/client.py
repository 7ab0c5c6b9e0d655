"""Controls a supertree server from Python: spawns an agent, follows its output, pauses it, lets it go on, stops it.

    apt-get install python3-zmq python3-msgpack
    python3 client.py ipc:///run/user/1000/supertree/supertree.sock node-cli examples/clients/ticker.mjs
"""

import sys
import uuid

import msgpack
import zmq

TIMEOUT = 30_000  # milliseconds; no call of this program waits longer


class Client:
    def __init__(self, endpoint):
        self.context = zmq.Context()
        self.requests = self._open(zmq.REQ)
        self.requests.connect(endpoint)

    def _open(self, kind):
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.RCVTIMEO, TIMEOUT)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    def call(self, type, **fields):
        self.requests.send(msgpack.packb({"type": type, "request_id": str(uuid.uuid4()), **fields}))
        reply = msgpack.unpackb(self.requests.recv())
        if reply.get("success") is False:
            raise RuntimeError(f"{reply['code']}: {reply['error']} {reply['remedy']}")
        return reply

    def control(self, agent, command, **payload):
        return self.call("control_command", agent_id=agent.bytes, command_type=command, payload=payload)

    def spawn(self, name, backend, task, **more):
        config = {"name": name, "model_backend": backend, "task": task}
        return uuid.UUID(bytes=self.call("spawn_request", config=config, **more)["agent_info"]["id"])

    def logs(self, agent):
        """Every message is one frame: the agent's id, a zero byte, the document."""
        stream = self.control(agent, "stream_logs")["data"]
        subscriber = self._open(zmq.SUB)
        subscriber.connect(stream["pub_endpoint"])
        subscriber.subscribe(stream["topic"])
        while True:
            message = msgpack.unpackb(subscriber.recv().split(b"\0", 1)[1])
            if message["type"] == "log_stream":
                yield message["sequence"], bytes(message["data"]).decode(errors="replace").rstrip()


def main(endpoint, backend, task):
    client = Client(endpoint)
    print("server", client.call("health_check_request")["protocol_version"])
    agent = client.spawn("from python", backend, task, timeout_secs=120, metadata={"owner": "python"})
    print("spawned", agent)
    for count, (sequence, line) in enumerate(client.logs(agent), 1):
        print("line", sequence, line)
        if count == 3:
            break
    print("pause", client.control(agent, "pause", force=True)["status"])
    print("resume", client.control(agent, "resume")["status"])
    print("stop", client.control(agent, "stop")["status"])
    print("left", len(client.call("list_agents_request", filter_status="running")["agents"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
