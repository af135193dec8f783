import ServiceLifecycle

/// Runs a service for the length of the body.
func running(_ service: some Service, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        try await body()
        group.cancelAll()
    }
}

/// Returns as soon as the condition holds; the limit of the test that asks is the limit of the wait.
func waitFor(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
