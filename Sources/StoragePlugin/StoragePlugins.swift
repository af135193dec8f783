package import AsyncHTTPClient
import Deadline
import Glibc
import NIOCore

/// The storage plug-ins of this host: one socket for each driver, in one directory (PROTOCOL 7.4).
package struct StoragePlugins: Sendable {
    /// Where the plug-ins put their sockets.
    package static let defaultDirectory = "/var/run/rancher/storage"

    /// For whether there is a plug-in: nothing but a look into a directory of this host.
    private static let lookDeadline = Duration.seconds(5)

    let directory: String
    let httpClient: HTTPClient
    /// Bounds every call.
    package var deadlines: StoragePluginDeadlines
    /// More than are looked for at a time: most of these hang.
    private let looks = BlockingCalls(limit: 512)

    /// - Parameter httpClient: Made with ``clientConfiguration``. It stays the caller's, who shuts it down.
    package init(
        directory: String = defaultDirectory, httpClient: HTTPClient,
        deadlines: StoragePluginDeadlines = StoragePluginDeadlines()
    ) {
        self.directory = directory
        self.httpClient = httpClient
        self.deadlines = deadlines
    }

    /// What the client of the plug-ins must be made with: one client for all of them, which keeps no connection.
    package static var clientConfiguration: HTTPClient.Configuration {
        // A unix socket connects at once or not at all.
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        configuration.httpVersion = .http1Only
        // A hung call must not make others wait for a connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        // Our callers know better when to try again, and until then want to know at once that nobody is there.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Connecting is cheap, and a fresh connection cannot turn out to belong to a plug-in that is gone.
        configuration.maximumUsesPerConnection = 1
        return configuration
    }

    /// The plug-in of the driver; `nil` if the driver has none here.
    ///
    /// A plug-in is its socket. One that nobody listens on is a plug-in that is down: its calls fail as unreachable.
    /// A name that can be no driver's has no plug-in, and is never made a part of a path.
    ///
    /// - Throws: ``StoragePluginError`` of kind `unreachable` if it cannot be found out.
    package func plugin(forDriver driver: String) async throws(StoragePluginError) -> StoragePlugin? {
        guard Self.isDriverName(driver) else { return nil }
        let path = socketPath(forDriver: driver)
        switch await fileKind(path) {
        case .success(S_IFSOCK): break
        case .success: return nil
        case .failure(let fault):
            throw StoragePluginError(.unreachable, "cannot look for the plug-in of driver '\(driver)': \(fault)")
        }
        // The kernel's limit for the address of a unix socket, less its terminating zero.
        guard path.utf8.count <= 107 else {
            throw StoragePluginError(
                .unreachable, "the plug-in of driver '\(driver)' cannot be called: \(path) exceeds 107 bytes")
        }
        return StoragePlugin(driver: driver, socketPath: path, httpClient: httpClient, deadlines: deadlines)
    }

    /// The kind of a file as in `S_IFMT`; `nil` if there is none. The file system may hang.
    private func fileKind(_ path: String) async -> Result<mode_t?, LookFault> {
        do throws(BlockingCallError) {
            return try await looks.run(within: Self.lookDeadline) {
                var status = stat()
                if stat(path, &status) == 0 { return .success(status.st_mode & S_IFMT) }
                return switch errno {
                case ENOENT, ENOTDIR, ENAMETOOLONG: .success(nil)
                case let code: .failure(LookFault(description: String(cString: strerror(code))))
                }
            }
        } catch {
            return .failure(LookFault(description: "\(error)"))
        }
    }

    /// Where the plug-in of a driver listens, if there is one.
    package func socketPath(forDriver driver: String) -> String { "\(directory)/\(driver).sock" }

    /// A letter or digit, then letters, digits, `_`, `.`, `:` and `-`.
    static func isDriverName(_ name: String) -> Bool {
        guard let first = name.utf8.first, isLetterOrDigit(first) else { return false }
        return name.utf8.allSatisfy { isLetterOrDigit($0) || "_.:-".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

private struct LookFault: Error, CustomStringConvertible {
    let description: String
}
