internal import FoundationEssentials

/// The operating system of the host (PROTOCOL 10.4.5).
package struct OSInfo: Sendable, Hashable {
    /// Up to three numbers, such as `6.1.0`; empty if unknown.
    package var kernelVersion: String
    /// Such as `Debian GNU/Linux 12 (bookworm)`, from `os-release`; empty if unknown. The engine's word goes before it.
    package var name: String

    package init(roots: HostRoots) {
        let version = HostFile.text(roots.proc + "/version").flatMap(Self.firstVersion)
        kernelVersion = version ?? Self.firstVersion(in: HostFacts.kernelRelease()) ?? ""
        let line = HostFile.lines(roots.etc + "/os-release").first { $0.hasPrefix("PRETTY_NAME=") }
        name = String((line ?? "").dropFirst("PRETTY_NAME=".count)).filter { $0 != "\"" && $0 != "'" }
    }

    /// The first two or three numbers with dots between them: `Linux version 6.1.0-18-amd64` gives `6.1.0`.
    static func firstVersion(in text: String) -> String? {
        var rest = Array(text.utf8)[...]
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        while let start = rest.firstIndex(where: isDigit) {
            rest = rest[start...]
            var numbers: [String] = []
            while numbers.count < 3 {
                let digits = rest.prefix(while: isDigit)
                guard !digits.isEmpty else { break }
                numbers.append(String(decoding: digits, as: UTF8.self))
                rest = rest.dropFirst(digits.count)
                guard rest.first == UInt8(ascii: ".") else { break }
                rest = rest.dropFirst()
            }
            if numbers.count >= 2 { return numbers.joined(separator: ".") }
        }
        return nil
    }
}
