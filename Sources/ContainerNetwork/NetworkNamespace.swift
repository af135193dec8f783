import CNamespace
import Deadline
import Glibc

enum NetworkNamespace {
    /// The first IPv4 address of the link in a network namespace. Waits for a thread of its own.
    ///
    /// That thread joins the namespace for good and passes it on to every thread that is started from it. So it wakes
    /// no task, for which a pool might start a thread: it only leaves its result behind and ends.
    ///
    /// - Parameters:
    ///   - link: The link's name, such as `eth0`. Its addresses with a label, such as `eth0:1`, count as well.
    ///   - path: The namespace's file, such as `/proc/1/ns/net`.
    static func firstAddress(ofLink link: String, in path: String) -> AddressSighting {
        OwnThread.result(of: { look(forLink: link, in: path) }) ?? .notYet("no thread can be started")
    }

    private static func look(forLink link: String, in path: String) -> AddressSighting {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .notYet("cannot open \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard join_network_namespace(descriptor) == 0 else {
            return .notYet("cannot join \(path): \(String(cString: strerror(errno)))")
        }
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else {
            return .notYet("cannot list the addresses in \(path): \(String(cString: strerror(errno)))")
        }
        defer { freeifaddrs(list) }
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee, let name = entry.ifa_name, let address = entry.ifa_addr,
                // An address may carry a label of its own after the link's name.
                String(cString: name) == link || String(cString: name).hasPrefix("\(link):"),
                Int32(address.pointee.sa_family) == AF_INET, let text = text(address)
            else { continue }
            return .address(text)
        }
        return .notYet("\(link) is missing or has no IPv4 address")
    }

    private static func text(_ address: UnsafePointer<sockaddr>) -> String? {
        var host = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
        let copied = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
            var number = address.pointee.sin_addr
            return inet_ntop(AF_INET, &number, &host, socklen_t(host.count)) != nil
        }
        return copied ? String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}
