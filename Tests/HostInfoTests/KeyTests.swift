import FakeHost
import Foundation
import HostInfo
import LosslessJSON
import SwiftASN1
import Testing

@Suite("The host key")
struct KeyTests {
    @Test("is made once, kept for its owner alone, and told as it always was (defect 99)")
    func made() throws {
        let host = try FakeHost()
        let path = host.state + "/../etc/ssl/host.key"
        let key = try HostKey(path: path)
        #expect(try host.names(in: "etc/ssl") == ["host.key"])
        #expect(try host.mode("etc/ssl/host.key") == 0o400)
        #expect(try host.mode("etc/ssl") == 0o700)
        #expect(try host.text("etc/ssl/host.key").hasPrefix("-----BEGIN RSA PRIVATE KEY-----\n"))
        #expect(key.publicPEM.hasPrefix("-----BEGIN RSA PUBLIC KEY-----\n"))
        #expect(key.publicPEM.hasSuffix("\n-----END RSA PUBLIC KEY-----\n"))
        #expect(key.json["data"].text == key.publicPEM)
        let before = try host.text("etc/ssl/host.key")
        #expect(try HostKey(path: path) == key)
        #expect(try host.text("etc/ssl/host.key") == before)
        #expect(try HostKey(path: host.directory + "/other/host.key") != key)
    }

    @Test("is told as the very bytes that other programs make of it")
    func publicHalf() throws {
        let host = try FakeHost()
        let key = try HostKey(path: host.directory + "/host.key")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl", "rsa", "-check", "-in", host.directory + "/host.key", "-pubout", "-text"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(output.contains("RSA key ok"))
        #expect(output.contains("(2048 bit"))
        let start = try #require(output.range(of: "-----BEGIN PUBLIC KEY-----"))
        let theirs = try PEMDocument(pemString: String(output[start.lowerBound...]))
        #expect(try PEMDocument(pemString: key.publicPEM).derBytes == theirs.derBytes)
    }

    @Test(
        "that cannot be read is an error that names it and is left as it is (defect 99)",
        arguments: [
            "", "no PEM at all", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----\nMII", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ])
    func broken(text: String) throws {
        let host = try FakeHost()
        try host.write("host.key", text)
        let error = #expect(throws: HostInfoError.self) { try HostKey(path: host.directory + "/host.key") }
        #expect(error?.description.contains(host.directory + "/host.key") == true)
        #expect(try host.text("host.key") == text)
    }

    @Test("in a directory that earlier agents closed even to its owner is found there (defect 99)")
    func closedDirectory() throws {
        let host = try FakeHost()
        let key = try HostKey(path: host.directory + "/ssl/host.key")
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: host.directory + "/ssl")
        #expect(try HostKey(path: host.directory + "/ssl/host.key") == key)
        #expect(try host.mode("ssl") == 0o700)
    }

    @Test("is made where the making of one was cut off before, and nothing of that one stays")
    func cutOff() throws {
        let host = try FakeHost()
        try host.write("ssl/host.key.tmp", "half a key")
        let key = try HostKey(path: host.directory + "/ssl/host.key")
        #expect(try host.names(in: "ssl") == ["host.key"])
        #expect(try HostKey(path: host.directory + "/ssl/host.key") == key)
    }

    @Test("that cannot be stored is an error, and nothing of it stays")
    func noPlace() throws {
        let host = try FakeHost()
        try host.write("file", "")
        #expect(throws: HostInfoError.self) { try HostKey(path: host.directory + "/file/host.key") }
        #expect(throws: HostInfoError.self) { try HostKey(path: host.directory + "/file/below/host.key") }
        // A directory in its place.
        try host.write("host.key/file", "")
        #expect(throws: HostInfoError.self) { try HostKey(path: host.directory + "/host.key") }
        #expect(try host.names(in: "") == ["etc", "file", "host.key", "proc", "state", "sys"])
    }
}
