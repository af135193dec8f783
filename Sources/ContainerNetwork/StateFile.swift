import Glibc
import LosslessJSON

/// The file in which the network plug-in leaves what became of connecting a container.
enum StateFile {
    /// One holds a few hundred bytes.
    static let limitBytes = 64 << 10

    /// Where the file of this start of the container is; `nil` if a part would lead elsewhere.
    static func path(stateDirectory: String, containerID: String, startedAt: String) -> String? {
        guard isHarmless(containerID), isHarmless(startedAt) else { return nil }
        return "\(stateDirectory)/cni/\(containerID)/\(startedAt)"
    }

    /// A file's name of letters, digits and a few signs, as ids and times are.
    static func isHarmless(_ name: String) -> Bool {
        guard (1...255).contains(name.utf8.count), name.utf8.first != UInt8(ascii: ".") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_.:+-".utf8.contains(byte)
            }
        }
    }

    /// What the file says; `nil` if it is missing, cannot be read, is half-written or says nothing.
    static func read(_ path: String) -> AddressSighting? {
        guard let bytes = contents(path), let json = try? JSON(parsing: bytes) else { return nil }
        return sighting(json)
    }

    static func sighting(_ json: JSON) -> AddressSighting? {
        if let error = json[anyCase: "Error"].nonEmptyText { return .failed(error) }
        let value = json[anyCase: "IP4"][anyCase: "IP"]
        guard !value.isNull, value != .string("") else { return nil }
        guard let address = value.text.flatMap(address(inCIDR:)) else {
            return .failed("invalid address \(value.encodedText) in the state of the network plug-in")
        }
        return .address(address)
    }

    /// The address of one with a prefix length, such as `10.42.12.7/16`.
    static func address(inCIDR text: String) -> String? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, isPrefixLength(parts[1]) else { return nil }
        var address = in_addr()
        let host = String(parts[0])
        return inet_pton(AF_INET, host, &address) == 1 ? host : nil
    }

    private static func isPrefixLength(_ text: Substring) -> Bool {
        guard let length = Int(text), text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return false }
        return length <= 32
    }

    /// The content of a plain file. Anything else could keep a reader waiting.
    private static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: limitBytes + 1)
        var count = 0
        while count < bytes.count {
            let length = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { return nil }
            if length == 0 { break }
            count += length
        }
        return count <= limitBytes ? Array(bytes[..<count]) : nil
    }
}
