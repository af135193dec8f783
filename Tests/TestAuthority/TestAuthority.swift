import Foundation

/// An authority that makes certificates for the time of a test, in a directory of its own.
package final class TestAuthority: Sendable {
    /// A certificate with what it was signed by, and its key, as PEM texts.
    package struct Identity: Sendable {
        package let certificate: String
        package let privateKey: String
    }

    /// Where it is; gone when the value is.
    package let directory: String
    /// The name in the authority's own certificate.
    package let name: String

    /// Its own certificate: what a client has to trust.
    package var certificateFile: String { "\(directory)/ca.pem" }

    /// Makes the key and the certificate of an authority.
    package init(name: String = "Test Authority") throws {
        self.name = name
        directory = NSTemporaryDirectory() + "authority-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try write("index.txt", "")
        try write("serial", "1000\n")
        try write(
            "openssl.cnf",
            """
            [req]
            distinguished_name = name
            [name]
            [ca]
            default_ca = this
            [this]
            new_certs_dir = \(directory)
            database = \(directory)/index.txt
            serial = \(directory)/serial
            default_md = sha256
            default_days = 30
            unique_subject = no
            policy = any
            [any]
            commonName = supplied

            """)
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=\(name)", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// Makes a certificate of a server.
    ///
    /// - Parameters:
    ///   - names: Names, and addresses as `IP:127.0.0.1`; where there are none, the certificate has no alternative names.
    ///   - commonName: In the subject; `nil` for one that says whose server that is.
    ///   - from: When it begins to count, as `20200101000000Z`; `nil` for now. The same with `until`, for a month.
    ///   - isSelfSigned: Signed with its own key and not by this authority.
    package func identity(
        for names: [String], commonName: String? = nil, from: String? = nil, until: String? = nil,
        isSelfSigned: Bool = false
    ) throws -> Identity {
        let stem = UUID().uuidString
        let alternatives = names.map { $0.hasPrefix("IP:") ? $0 : "DNS:\($0)" }.joined(separator: ",")
        try write(
            "\(stem).ext", names.isEmpty ? "basicConstraints=CA:FALSE\n" : "subjectAltName=\(alternatives)\n")
        let own = "server of \(names.first.map { $0.replacingOccurrences(of: "IP:", with: "") } ?? "nothing")"
        let subject = "/CN=\(commonName ?? own)"
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "\(stem).key",
            "-out", "\(stem).csr", "-subj", subject)
        let signer =
            isSelfSigned ? ["-selfsign", "-keyfile", "\(stem).key"] : ["-cert", "ca.pem", "-keyfile", "ca.key"]
        let dates = (from.map { ["-startdate", $0] } ?? []) + (until.map { ["-enddate", $0] } ?? [])
        try openssl(
            ["ca", "-batch", "-notext", "-in", "\(stem).csr", "-out", "\(stem).pem", "-extfile", "\(stem).ext"]
                + signer + dates)
        return Identity(certificate: try read("\(stem).pem"), privateKey: try read("\(stem).key"))
    }

    private func openssl(_ arguments: String...) throws { try openssl(arguments) }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["openssl"] + arguments + (arguments[0] == "ca" || arguments[0] == "req" ? ["-config", "openssl.cnf"] : [])
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "openssl \(arguments[0]): \(String(decoding: said, as: UTF8.self))")
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
    }

    private func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")), as: UTF8.self)
    }
}
