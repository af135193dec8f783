import DockerEngine
import LosslessJSON
import Testing

@Test("scratch")
func scratch() async throws {
    let endpoint = try EngineEndpoint(dockerHost: "unix:///tmp/eng1/docker.sock")
    try await using(try EngineClient(endpoint: endpoint, logger: .quiet)) { client in
        let error = await failure { try await client.withContainerEvents(since: nil) { print("OPEN") } onEvent: { _ in } }
        print("END", error?.kind as Any, error as Any, client.apiVersion as Any)
        let start = ContinuousClock.now
        let second = await failure { _ = try await client.info() }
        print("AFTER", second?.kind as Any, second?.cause as Any, ContinuousClock.now - start)
    }
}
