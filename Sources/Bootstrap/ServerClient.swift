internal import AsyncHTTPClient
internal import RancherAPI
internal import Synchronization

/// The client for the server, which may come to trust a certificate more.
final class ServerClient: Sendable {
    private let state: Mutex<(client: HTTPClient, trustsAuthority: Bool)>

    /// - Parameter authority: The path of the server's own certificate, if it is there.
    init(authority: String?) throws(BootstrapError) {
        state = Mutex((try Self.make(authority), authority != nil))
    }

    var current: HTTPClient { state.withLock { $0.client } }
    var trustsAuthority: Bool { state.withLock { $0.trustsAuthority } }

    /// From now on the certificate at this path counts as well.
    func trust(_ authority: String) async throws {
        let client = try Self.make(authority)
        let before = state.withLock { state in
            defer { state = (client, true) }
            return state.client
        }
        try? await before.shutdown()
    }

    func shutDown() async { try? await current.shutdown() }

    private static func make(_ authority: String?) throws(BootstrapError) -> HTTPClient {
        do throws(RancherError) {
            return try HTTPClient.rancher(extraTrustRoots: authority)
        } catch {
            throw BootstrapError("\(error)")
        }
    }
}
