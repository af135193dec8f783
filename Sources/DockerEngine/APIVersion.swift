/// A version of the Docker Engine API, such as `1.41`.
package struct APIVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `1.41` or `v1.41`; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        let digits = text.hasPrefix("v") ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let major = Int(parts[0]), let minor = Int(parts[1])
        else { return nil }
        self.init(major, minor)
    }

    package var description: String { "\(major).\(minor)" }

    package static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// The newest version whose answers this module is known to read.
    package static let newest = APIVersion(1, 51)
    /// The oldest version whose calls this module makes.
    package static let oldest = APIVersion(1, 24)

    /// The version to speak with an engine that knows the versions from `engineMinimum` to `engine`.
    ///
    /// The preferred version counts as far as the engine knows it. An engine that has dropped our newest version gets
    /// the oldest it knows: the API rarely breaks what it keeps, and not to speak at all is worse.
    ///
    /// - Returns: `nil` if the engine is too old.
    static func negotiated(
        preferred: APIVersion?, engine: APIVersion, engineMinimum: APIVersion?
    ) -> APIVersion? {
        guard engine >= .oldest else { return nil }
        let wanted = max(min(preferred ?? .newest, engine), .oldest)
        return engineMinimum.map { max(wanted, min($0, engine)) } ?? wanted
    }
}
