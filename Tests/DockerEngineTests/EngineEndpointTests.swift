import DockerEngine
import EngineStub
import Foundation
import HTTPTransport
import LosslessJSON
import NIOCore
import NIOSSL
import Testing

@Suite("Where the engine is", .timeLimit(.minutes(1)))
struct EngineEndpointTests {
    @Test("The variables of the Docker command are understood")
    func parsing() throws {
        #expect(try EngineEndpoint().address == .unixSocket(path: "/var/run/docker.sock"))
        #expect(try EngineEndpoint(dockerHost: "").description == "unix:///var/run/docker.sock")
        #expect(try EngineEndpoint(dockerHost: "unix:///a b/c.sock").address == .unixSocket(path: "/a b/c.sock"))
        let plain = try EngineEndpoint(dockerHost: "tcp://host:1234")
        #expect(plain.address == .tcp(host: "host", port: 1234))
        #expect(plain.tls == .none)
        #expect(try EngineEndpoint(dockerHost: "tcp://host/").address == .tcp(host: "host", port: 2375))
        let secure = try EngineEndpoint(dockerHost: "tcp://host", certificatePath: "/c", verifyTLS: "1")
        #expect(secure.address == .tcp(host: "host", port: 2376))
        #expect(secure.tls == .certificates(directory: "/c", verifiesServer: true))
        let trusting = try EngineEndpoint(dockerHost: "https://10.0.0.1", certificatePath: "/c", verifyTLS: "")
        #expect(trusting.tls == .certificates(directory: "/c", verifiesServer: false))
        #expect(try EngineEndpoint(dockerHost: "https://host:1").tls == .systemAuthorities)
        #expect(try EngineEndpoint(dockerHost: "http://host:1", certificatePath: "/c").tls == .none)
        #expect(try EngineEndpoint(dockerHost: "unix:///s", certificatePath: "/c").tls == .none)
        #expect(try EngineEndpoint(dockerHost: "tcp://[fe80::1]:99").address == .tcp(host: "fe80::1", port: 99))
        #expect(try EngineEndpoint(dockerHost: "tcp://[::1]").address == .tcp(host: "::1", port: 2375))
    }

    @Test(
        "Rubbish is refused with the reason",
        arguments: [
            "rubbish", "/var/run/docker.sock", "host:2375", "ssh://host", "npipe:////./pipe/x", "unix://", "unix:///",
            "unix://relative", "unix:///" + String(repeating: "x", count: 200), "tcp://", "tcp://host:", "tcp://host:0",
            "tcp://host:65536", "tcp://host:+80", "tcp://host:x", "tcp://::1:80", "tcp://[::1", "tcp://[::1]80",
            "tcp://[x]:1", "tcp://[]:1", "tcp://host/path", "tcp://user@host", "tcp://ho st", "://",
        ])
    func rubbish(_ text: String) {
        let error = #expect(throws: EngineError.self) { try EngineEndpoint(dockerHost: text) }
        #expect(error?.kind == .configuration)
        #expect(error?.description.hasPrefix("unable to parse docker host '\(text)': ") == true)
    }

    @Test("Certificates that cannot be read are an error of configuration")
    func missingCertificates() throws {
        let endpoint = try EngineEndpoint(dockerHost: "tcp://host:1", certificatePath: "/does/not/exist")
        let error = #expect(throws: EngineError.self) { try EngineClient(endpoint: endpoint, logger: .quiet) }
        #expect(error?.kind == .configuration)
        #expect(error?.message.contains("/does/not/exist") == true)
    }

    @Test("With certificates both sides prove who they are", arguments: ["localhost", "127.0.0.1"])
    func mutualTLS(_ host: String) async throws {
        let certificates = try Certificates()
        try await withTCPStub(
            dockerHost: "tcp://\(host):%", certificatePath: certificates.directory, verifyTLS: "1",
            tls: try certificates.serverContext()
        ) { _, connection in
            try await connection.answer(200, #"{"a":1}"#)
        } body: { stub in
            try await using(try stub.client()) { client in
                let info = try await client.info()
                #expect(info == ["a": 1])
                #expect(stub.calls.count == 1)
            }
        }
    }

    @Test("A server that another authority vouches for is refused if it is verified, and believed if not")
    func foreignServer() async throws {
        let certificates = try Certificates()
        let foreign = try Certificates()
        // The server asks for certificates of ours, but shows a foreign one.
        let context = try foreign.serverContext(trusting: certificates)
        for verifyTLS in ["1", ""] {
            try await withTCPStub(
                dockerHost: "tcp://localhost:%", certificatePath: certificates.directory, verifyTLS: verifyTLS,
                tls: context
            ) { _, connection in
                try await connection.answer(200, "{}")
            } body: { stub in
                try await using(try stub.client()) { client in
                    let error = await failure { try await client.startContainer("a") }
                    #expect(error?.kind == (verifyTLS.isEmpty ? nil : .unreachable))
                    #expect(stub.calls.count == (verifyTLS.isEmpty ? 1 : 0))
                }
            }
        }
    }

    @Test("A client with a certificate of another authority gets nowhere")
    func foreignClient() async throws {
        let certificates = try Certificates()
        let foreign = try Certificates()
        try await withTCPStub(
            dockerHost: "tcp://localhost:%", certificatePath: foreign.directory, verifyTLS: "",
            tls: try certificates.serverContext()
        ) { _, connection in
            try await connection.answer(200, "{}")
        } body: { stub in
            try await using(try stub.client()) { client in
                // With TLS 1.3 a client may have begun to send before it hears of its refusal.
                let error = await failure { try await client.startContainer("a") }
                #expect(error?.kind == .unreachable || error?.kind == .cut)
                #expect(stub.requests.all.isEmpty)
            }
        }
    }
}

/// An authority with one server and one client, made by the openssl command.
final class Certificates {
    let directory: String

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let script = """
            set -e
            new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            openssl req -x509 $new -keyout ca-key.pem -out ca.pem -subj /CN=authority -days 2
            echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > server.ext
            echo 'extendedKeyUsage=clientAuth' > client.ext
            for who in server client; do
                openssl req $new -keyout $who-key.pem -out $who.csr -subj /CN=$who
                openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out $who.pem -days 2 \\
                    -extfile $who.ext
            done
            mv client.pem cert.pem
            mv client-key.pem key.pem
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the openssl command is needed to make certificates")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func serverContext(trusting authority: Certificates? = nil) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(directory + "/server.pem").map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: directory + "/server-key.pem", format: .pem)))
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMFile((authority ?? self).directory + "/ca.pem"))
        configuration.certificateVerification = .noHostnameVerification
        return try NIOSSLContext(configuration: configuration)
    }
}
