import DockerEngine
import EngineStub
import LosslessJSON
import NIOCore
import Testing

/// Answers as engines gave them, shortened: what is not said in the same words everywhere.
@Suite("What engines say differently", .timeLimit(.minutes(1)))
struct EngineDialectTests {
    /// What a refusal is worth when `POST /containers/create` is answered with it.
    private func refusal(_ status: Int, _ body: String) async throws -> EngineError? {
        var error: EngineError?
        try await withStub { _, connection in
            try await connection.answer(status, body)
        } body: { stub in
            try await using(try stub.client()) { client in
                error = await failure { _ = try await client.createContainer(name: "a", body: [:]) }
            }
        }
        return error
    }

    @Test(
        "Podman's refusals are conflicts and absences, although it answers 500",
        arguments: [
            (
                """
                container create: creating container storage: the container name \\"yo\\" is already in use by \
                fae35cc0. You have to remove that container to be able to reuse that name: that name is already in use
                """, "that name is already in use", 409
            ),
            (
                "can only kill running containers. fae35cc0 is in state created: container state improper",
                "container state improper", 409
            ),
            ("no container with name or ID \\\"nope\\\" found: no such container", "no such container", 404),
            ("no space left on device", "no space left on device", 500),
        ])
    func podman(_ message: String, _ cause: String, _ status: Int) async throws {
        let error = try await refusal(500, #"{"cause":"\#(cause)","message":"\#(message)","response":500}"#)
        #expect(error?.status == status)
        #expect(error?.message.hasSuffix(cause) == true)
    }

    @Test("A status that tells the kind of the refusal counts, whatever else is said")
    func statusCounts() async throws {
        let podman = #"{"cause":"volume is being used","message":"volume vol is being used","response":409}"#
        #expect(try await refusal(409, podman)?.status == 409)
        #expect(try await refusal(400, #"{"cause":"no such container","message":"x"}"#)?.status == 400)
        let docker = #"{"message":"no such container: that name is already in use"}"#
        #expect(try await refusal(500, docker)?.status == 500)
    }

    /// What Podman 4.3 sends after the status 200 when the registry does not know the user, and when it cannot be
    /// reached; and a login that ends in the middle of a pull.
    static let failedPulls: [(stream: String, kind: EngineError.Kind)] = [
        (
            #"""
            {"progressDetail":{},"error":"initializing source docker://127.0.0.1:1/a:v1: \#
            unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password"}
            """#, .refused(status: 401)
        ),
        (
            #"""
            {"progressDetail":{},"errorDetail":{"message":"initializing source docker://127.0.0.1:1/a:v1: pinging \#
            container registry 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"}}
            """#, .failedInStream
        ),
        (#"{"status":"Pulling fs layer"}{"error":"unauthorized: authentication required"}"#, .failedInStream),
    ]

    @Test("A refused login is one, also where it is told in the stream", arguments: failedPulls)
    func refusedLogin(_ stream: String, _ kind: EngineError.Kind) async throws {
        try await withStub { _, connection in
            try await connection.beginStream()
            try await connection.chunk(stream)
            try await connection.endStream()
        } body: { stub in
            try await using(try stub.client()) { client in
                let error = await failure {
                    try await client.pullImage(name: "a", tag: "v1", auth: nil) { _ in }
                }
                #expect(error?.kind == kind)
            }
        }
    }

    /// The end of a container: Docker 28.5 (API 1.51), the same without the members that it only keeps for old clients,
    /// and Podman 4.3.
    static let ends = [
        #"""
        {"status":"destroy","id":"1a77","from":"rancher-demo:latest","Type":"container","Action":"destroy",
         "Actor":{"ID":"1a77","Attributes":{"a":"b","image":"rancher-demo:latest","name":"yo"}},"scope":"local",
         "time":1795405370,"timeNano":1795405370436365413}
        """#,
        #"""
        {"Type":"container","Action":"destroy","Actor":{"ID":"1a77","Attributes":{"a":"b",
         "image":"rancher-demo:latest","name":"yo"}},"scope":"local","time":1795405370,"timeNano":1795405370436365413}
        """#,
        #"""
        {"status":"remove","id":"1a77","from":"rancher-demo:latest","Type":"container","Action":"remove",
         "Actor":{"ID":"1a77","Attributes":{"a":"b","image":"rancher-demo:latest","name":"yo"}},"scope":"local",
         "time":1795405370,"timeNano":1795405370436365413}
        """#,
    ]

    @Test("The end of a container is the same event from every engine", arguments: ends)
    func end(_ text: String) throws {
        let expected = EngineEvent(
            type: "container", action: "destroy", actorID: "1a77",
            attributes: ["a": "b", "image": "rancher-demo:latest", "name": "yo"], timeNano: 1_795_405_370_436_365_413)
        #expect(EngineEvent(try JSON(parsing: text)) == expected)
    }

    @Test("What is removed and is no container stays what it is")
    func otherRemovals() throws {
        let image = #"{"Type":"image","Action":"remove","Actor":{"ID":"470e","Attributes":{}},"timeNano":1}"#
        #expect(EngineEvent(try JSON(parsing: image))?.action == "remove")
    }

    @Test("The end of a container's process is the same event from every engine")
    func processEnd() throws {
        for word in ["die", "died"] {
            let event = #"{"Type":"container","Action":"\#(word)","Actor":{"ID":"470e","Attributes":{}},"timeNano":1}"#
            #expect(EngineEvent(try JSON(parsing: event))?.action == "die")
        }
    }
}
