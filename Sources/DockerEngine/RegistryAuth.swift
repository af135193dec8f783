import FoundationEssentials
import LosslessJSON

/// The credentials for one image registry. Its description never shows the password.
package struct RegistryAuth: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package var username: String
    package var password: String
    package var email: String?
    package var serverAddress: String?

    package init(username: String, password: String, email: String? = nil, serverAddress: String? = nil) {
        self.username = username
        self.password = password
        self.email = email
        self.serverAddress = serverAddress
    }

    /// The value of the header `X-Registry-Auth`: empty members are left out (PROTOCOL.md, section 8).
    package var headerValue: String {
        let members = [
            ("username", username), ("password", password), ("email", email ?? ""),
            ("serveraddress", serverAddress ?? ""),
        ]
        let object = JSONObject(members.filter { !$0.1.isEmpty }.map { .init(key: $0.0, value: .string($0.1)) })
        // The engine expects the alphabet for URLs, with padding.
        let text = Data(JSON.object(object).encoded).base64EncodedString()
        return text.replacing("+", with: "-").replacing("/", with: "_")
    }

    package var description: String { "RegistryAuth(\(username) at \(serverAddress ?? "the default registry"))" }
    package var debugDescription: String { description }
    /// `dump` and the like go through the mirror, so it is empty.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
