import FoundationEssentials

/// How the host finds names: its resolv.conf.
package enum HostResolver {
    /// The search domains of a resolv.conf: those of the last `search` line that names any, as the C library reads it.
    /// The keyword begins the line and ends at a blank, or it is another word (PROTOCOL 6.8, 12.3 no. 71).
    package static func searchDomains(in text: String) -> [String] {
        var domains: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard line.hasPrefix("search"), words.first == "search", words.count > 1 else { continue }
            domains = Array(words.dropFirst())
        }
        return domains
    }

    /// Reads them from a file, which may block.
    ///
    /// - Throws: ``SpecificationError`` if it cannot be read.
    static func searchDomains(ofFile path: String) throws(SpecificationError) -> [String] {
        do {
            return searchDomains(in: String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self))
        } catch {
            throw unreadable(path, error)
        }
    }

    static func unreadable(_ path: String, _ error: any Error) -> SpecificationError {
        SpecificationError("Failed to set DNS search: \(path) cannot be read: \(error)")
    }
}
