internal import FoundationEssentials
internal import Glibc

/// What identifies a host for ever to servers of dialect B (PROTOCOL 1.5): the machine, and the engine on it.
package struct HostUUIDs: Sendable, Hashable {
    package let physicalHost: String
    package let dockerHost: String

    package init(physicalHost: String, dockerHost: String) {
        self.physicalHost = physicalHost
        self.dockerHost = dockerHost
    }

    /// Where the two are kept, and what they are to be if that is given.
    package struct Place: Sendable, Hashable {
        package var physicalHostFile: String
        package var dockerHostFile: String
        /// Empty for what is in the file.
        package var physicalHost = ""
        /// Empty for what is in the file.
        package var dockerHost = ""

        package init(physicalHostFile: String, dockerHostFile: String) {
            self.physicalHostFile = physicalHostFile
            self.dockerHostFile = dockerHostFile
        }
    }

    /// Reads both, and makes those that there are not yet. One that is given replaces that of the file.
    ///
    /// - Throws: ``HostInfoError`` if one can be neither read nor kept: the server would take this host for a new one
    /// at every start.
    package init(_ place: Place) throws(HostInfoError) {
        physicalHost = try Self.uuid(place.physicalHost, file: place.physicalHostFile)
        dockerHost = try Self.uuid(place.dockerHost, file: place.dockerHostFile)
    }

    /// White space around what is in the file does not count, for a script may have written it; an empty file is the
    /// trace of a crash.
    private static func uuid(_ given: String, file: String) throws(HostInfoError) -> String {
        let wanted = String(given.filter { !$0.isWhitespace })
        let kept: String
        if let text = HostFile.text(file) {
            kept = String(text.filter { !$0.isWhitespace })
        } else {
            guard access(file, F_OK) != 0 || !wanted.isEmpty else { throw .failed("read", file) }
            kept = ""
        }
        if !kept.isEmpty, wanted.isEmpty || wanted == kept { return kept }
        let uuid = wanted.isEmpty ? UUID().uuidString.lowercased() : wanted
        do throws(HostInfoError) {
            try HostFile.replace(file, with: Array(uuid.utf8), mode: 0o644)
        } catch {
            // One that is given is the same at the next start, with the file or without.
            guard !wanted.isEmpty else { throw error }
        }
        return uuid
    }
}
