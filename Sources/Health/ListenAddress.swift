/// Where the daemon may be asked how it is: an address of this host that nobody else can reach, and a port.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    /// 0 takes a free one.
    package let port: Int

    /// Reads `127.0.0.1:9346`, `[::1]:9346`, `localhost:9346` or a port alone.
    ///
    /// - Returns: `nil` for anything else, an address that others can reach among it: what is shown there is for those
    ///   who are on this host.
    package init?(_ text: String) {
        let host: Substring
        let port: Substring
        if let colon = text.lastIndex(of: ":") {
            (host, port) = (text[..<colon], text[text.index(after: colon)...])
        } else {
            (host, port) = ("127.0.0.1", text[...])
        }
        guard let number = UInt16(port) else { return nil }
        switch host {
        case "localhost", "": self.host = "127.0.0.1"
        case "[::1]": self.host = "::1"
        default:
            let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
            guard bytes.count == 4, bytes.first == 127, !bytes.contains(nil) else { return nil }
            self.host = String(host)
        }
        self.port = Int(number)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
