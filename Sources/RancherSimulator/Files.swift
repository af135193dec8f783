import FoundationEssentials

/// The file system.
enum Files {
    static func read(_ path: String) throws(SimulatorError) -> [UInt8] {
        // The system's own error is a page of text about a file that is usually just not there.
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { throw .badFile("\(path): cannot be read") }
        return Array(data)
    }
}
