internal import RancherAPI
internal import Synchronization

/// The client for the server, which may come to trust a certificate more.
final class ServerClient: Sendable {
    private let state: Mutex<(client: ServerHTTP, trustsAuthority: Bool)>

    private let proxies: ProxySettings

    /// - Parameters:
    ///   - authority: The path of the server's own certificate, if it is there.
    ///   - proxies: The way to the server.
    init(authority: String?, proxies: ProxySettings) throws(BootstrapError) {
        self.proxies = proxies
        state = Mutex((try Self.make(authority, proxies), authority != nil))
    }

    var current: ServerHTTP { state.withLock { $0.client } }
    var trustsAuthority: Bool { state.withLock { $0.trustsAuthority } }

    /// From now on the certificate at this path counts as well.
    func trust(_ authority: String) async throws {
        let client = try Self.make(authority, proxies)
        let before = state.withLock { state in
            defer { state = (client, true) }
            return state.client
        }
        try? await before.shutdown()
    }

    func shutDown() async { try? await current.shutdown() }

    private static func make(_ authority: String?, _ proxies: ProxySettings) throws(BootstrapError) -> ServerHTTP {
        do throws(RancherError) {
            return try ServerHTTP(proxies: proxies, extraTrustRoots: authority)
        } catch {
            throw BootstrapError("\(error)")
        }
    }
}
