import DockerEngine
import LosslessJSON
import Model

extension OperationRunner {
    func inspectImage(_ reference: String) async throws(EngineError) -> JSON? {
        do throws(EngineError) {
            let image = try await engine.inspectImage(reference)
            guard image["Id"].nonEmptyText != nil else {
                throw EngineError(
                    .badAnswer, "the Docker daemon did not tell the image's id", call: "GET /images/{name}/json")
            }
            return image
        } catch  where error.isNotFound {
            return nil
        }
    }

    func pull(
        _ reference: String, _ credential: RegistryCredential?, _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        let parsed: ImageReference
        do {
            parsed = try ImageReference(reference)
        } catch {
            return .refused(Refusal(message: String(describing: error)))
        }
        let report: @Sendable (JSON) -> Void = { object in
            if let status = object["status"].nonEmptyText { progress(status) }
        }
        func pull(with auth: RegistryAuth?) async throws(EngineError) {
            try await engine.pullImage(
                name: parsed.familiarName, tag: parsed.pullTag, auth: auth, onProgress: report)
        }
        let auth = credential?.auth(for: parsed.domain)
        do throws(EngineError) {
            do throws(EngineError) {
                try await pull(with: auth)
            } catch let first where auth != nil && [401, 403, 404].contains(first.status) {
                // A public image may be refused because of a stale credential; the first error is the telling one.
                do throws(EngineError) {
                    try await pull(with: nil)
                } catch {
                    throw error.status != nil || error.kind == .failedInStream ? first : error
                }
            }
        } catch  where error.kind == .failedInStream {
            return .refused(Refusal(message: "Image [\(reference)] failed to pull: \(error.message)"))
        }
        return .image(try await inspectImage(reference))
    }

    /// Builds, whether or not the image is there already.
    func build(
        _ build: ImageBuild, _ progress: @escaping @Sendable (String) -> Void
    ) async throws(EngineError) -> OperationOutcome {
        do throws(EngineError) {
            try await engine.buildImage(remote: build.remote, tag: build.tag) { object in
                let text = (object["stream"].text ?? object["status"].text ?? "").split(separator: "\n").last
                if let text, !text.allSatisfy(\.isWhitespace) { progress(String(text)) }
            }
        } catch  where error.kind == .failedInStream {
            return .refused(Refusal(message: "Image [\(build.tag)] failed to build: \(error.message)"))
        }
        return .image(try await inspectImage(build.tag))
    }

    func tag(_ reference: String, as tagged: String) async throws(EngineError) -> OperationOutcome {
        let target: ImageReference
        do {
            target = try ImageReference(tagged)
        } catch {
            return .refused(Refusal(message: String(describing: error)))
        }
        guard target.digest == nil else {
            return .refused(Refusal(message: "An image named by its digest cannot be tagged: \(tagged)"))
        }
        do throws(EngineError) {
            try await engine.tagImage(reference, repo: target.familiarName, tag: target.tag ?? "latest")
        } catch  where error.isNotFound {
            // Somebody has removed it since it was pulled.
            return .image(nil)
        }
        return .image(try await inspectImage(tagged))
    }
}

extension RegistryCredential {
    /// The credential as the engine wants it; `nil` unless both user and password are there (PROTOCOL 8).
    fileprivate func auth(for domain: String) -> RegistryAuth? {
        guard !user.isEmpty, !password.isEmpty else { return nil }
        let given = serverAddress.isEmpty ? domain : serverAddress
        let isHub = given == "docker.io" || given == "index.docker.io" || given == "https://docker.io"
        return RegistryAuth(
            username: user, password: password, email: email.isEmpty ? nil : email,
            serverAddress: isHub ? "https://index.docker.io/v1/" : given)
    }
}
