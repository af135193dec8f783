internal import FoundationEssentials
internal import Glibc

/// What the operating system says about this host, without asking anybody else.
package enum HostFacts {
    /// The name of this host: the fully qualified one if the resolver knows it, else the plain one (PROTOCOL 10.7).
    ///
    /// Asks the resolver, which may take long.
    package static func hostname() -> String {
        let plain = plainHostname()
        var hints = addrinfo()
        hints.ai_flags = AI_CANONNAME
        var result: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(plain, nil, &hints, &result) == 0, let first = result else { return plain }
        defer { freeaddrinfo(first) }
        guard let name = first.pointee.ai_canonname else { return plain }
        return fullName(String(cString: name), plain: plain)
    }

    /// A fully qualified name without the dot at its end; the plain one if the resolver only knows what every host is
    /// called.
    static func fullName(_ resolved: String, plain: String) -> String {
        var name = resolved.filter { !$0.isWhitespace }[...]
        while name.hasSuffix(".") { name.removeLast() }
        return name.isEmpty || name == "localhost" || name.hasPrefix("localhost.") ? plain : String(name)
    }

    /// The name of this host as the kernel has it.
    package static func plainHostname() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return text(buffer)
    }

    /// The address that this host is known by: the text itself if it is an address, else what the resolver says, IPv4
    /// before IPv6 and loopback last. `nil` for an empty or unknown name (PROTOCOL 10.2, 12.4 no. 95).
    ///
    /// Asks the resolver, which may take long.
    package static func address(of name: String) -> String? {
        guard !name.isEmpty else { return nil }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var result: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &result) == 0, let first = result else { return nil }
        defer { freeaddrinfo(first) }
        var found: [(rank: Int, text: String)] = []
        for info in sequence(first: first, next: { $0.pointee.ai_next }) {
            var host = [CChar](repeating: 0, count: 128)
            let length = socklen_t(host.count)
            guard
                getnameinfo(info.pointee.ai_addr, info.pointee.ai_addrlen, &host, length, nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let address = text(host)
            let isLoopback = address.hasPrefix("127.") || address == "::1"
            found.append(((isLoopback ? 2 : 0) + (info.pointee.ai_family == AF_INET ? 0 : 1), address))
        }
        return found.min { $0.rank < $1.rank }?.text
    }

    /// The release of the running kernel, such as `6.1.0-18-amd64`; empty if it cannot be read.
    package static func kernelRelease() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Whether virtual machines with hardware support can run here.
    package static func hasKVM() -> Bool { access("/dev/kvm", F_OK) == 0 }

    /// The first two numbers of a version: `17.06.2-ce` gives `17.06`; what does not begin with a number gives itself
    /// up to the first blank (PROTOCOL 10.5).
    package static func shortVersion(_ version: String) -> String {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.prefix(2).map { $0.prefix { $0.isASCII && $0.isNumber } }
        guard let first = numbers.first, !first.isEmpty else { return String(version.prefix { $0 != " " }) }
        guard numbers.count == 2, !numbers[1].isEmpty else { return String(first) }
        return "\(first).\(numbers[1])"
    }

    private static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
