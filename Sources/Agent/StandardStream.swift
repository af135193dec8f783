internal import Glibc

/// The standard output and the standard error, written to at once and without a buffer.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes all of it, in one piece where the system takes it so: lines of several threads do not get mixed up.
    ///
    /// - Returns: false if that was not possible; where nobody reads, there is nobody to tell.
    @discardableResult
    package func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Writes the text and the end of the line.
    package func writeLine(_ text: String) { write(Array((text + "\n").utf8)) }
}
