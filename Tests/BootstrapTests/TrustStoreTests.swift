import Bootstrap
import Foundation
import Testing

@Suite("The trusted certificates")
struct TrustStoreTests {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBejCCASGgAwIBAgIBATAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNyYW5jaGVy
        LWFnZW50IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAe
        MRwwGgYDVQQDDBNyYW5jaGVyLWFnZW50IHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZI
        zj0DAQcDQgAES2G/mavRNzK/KU2MoTAoiNw6oRr9OqfDkC5sEYF4x3pIBYrjg7tr
        NAHOj1FQb4PcCFvGb+xx+9PvspcDfhimaqNOMEwwDwYDVR0TAQH/BAUwAwEB/zAa
        BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFK+Dl+70QfFs2W5c
        Bmk/FCsunaQpMAoGCCqGSM49BAMCA0cAMEQCIFBFWdwRHajPw2GDpYDAz3jEjNw0
        F/uFUnbL3g7Nj9TfAiBP18Eey6go5Jb/ysi+PEjLs28IQzDNtziRopLEBcbXjQ==
        -----END CERTIFICATE-----
        """

    private func withStore(_ body: (TrustStore) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "trust-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var trust = TrustStore()
        trust.authority = directory + "/deep/ssl/ca.crt"
        trust.bundle = directory + "/bundle.crt"
        try body(trust)
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("grow by that of the server, once, and keep the others")
    func extend() throws {
        try withStore { trust in
            let isThere = try trust.extend()
            #expect(!isThere)
            #expect(!FileManager.default.fileExists(atPath: trust.bundle))
            try "those of the system".write(toFile: trust.bundle, atomically: true, encoding: .utf8)
            try trust.keep(Self.certificate)
            for _ in 1...2 {
                let isThere = try trust.extend()
                #expect(isThere)
                let bundle = try text(trust.bundle)
                #expect(bundle == "those of the system\n\(Self.certificate)\n")
            }
        }
    }

    @Test("do not grow by what is none", arguments: ["", "rubbish", "-----BEGIN CERTIFICATE-----\nrubbish"])
    func rubbish(kept: String) throws {
        try withStore { trust in
            try "those of the system".write(toFile: trust.bundle, atomically: true, encoding: .utf8)
            try trust.keep(kept)
            let error = #expect(throws: BootstrapError.self) { try trust.extend() }
            #expect(error?.description.contains("ca.crt is not trusted") == true)
            let bundle = try text(trust.bundle)
            #expect(bundle == "those of the system")
        }
    }
}
