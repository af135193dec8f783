import RancherSimulator
import Testing

/// https and wss.
@Suite(.serialized, .engineDifferences)
struct SecureServerTests {
    @Test(arguments: Dialect.only(.noWordSpoken))
    func `a server whose certificate nobody vouches for is not trusted, and the agent says so and waits`(
        dialect: Dialect
    )
        async throws
    {
        let tls = RancherServer.TLS(certificate: TestCertificate.certificate, privateKey: TestCertificate.privateKey)
        try await Scene.play(in: dialect, .init(tls: tls, starts: false)) { scene in
            try scene.agent.start()
            try await untilTrue("a second try") {
                scene.agent.log.split(separator: "\n").count { $0.contains("Registration failed, trying again") } >= 2
            }
            #expect(scene.agent.log.uppercased().contains("CERTIFICATE"))
            #expect(scene.server.registrationKeys.isEmpty)
            #expect(scene.agent.ended == nil)
            #expect(try await scene.agent.terminate().ending == .code(0))
        }
    }
}
