"""The pages of Apps: registering one from a manifest, and installing it."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from dayhand.localhub.errors import ApiError
from dayhand.localhub.pages.context import PageContext
from dayhand.localhub.state.manifests import AppManifests
from dayhand.localhub.state.models import App, User

# The one form that other sites submit: GitHub shows what was asked for, and its owner confirms it on the next page.
FOREIGN_FORMS = ("pages.submit_manifest",)


def add_app_pages(blueprint: Blueprint, context: PageContext, manifests: AppManifests) -> None:
    @blueprint.post("/settings/apps/new")
    @blueprint.post("/organizations/<organization>/settings/apps/new")
    def submit_manifest(organization: str = "") -> ResponseReturnValue:
        owner = _owner(context, organization)
        text, state = request.form.get("manifest", ""), request.args.get("state", "")
        submission = manifests.submit(text, state, owner)
        return redirect(f"/settings/apps/manifests/{submission.id}", 303)

    @blueprint.get("/settings/apps/manifests/<submission_id>")
    def confirm_manifest(submission_id: str) -> str:
        submission = manifests.find(submission_id)
        address = urlsplit(submission.manifest["redirect_url"])
        g.form_target = f"{address.scheme}://{address.netloc}"
        return render_template("new_app.html", **context.common(None, submission=submission))

    @blueprint.post("/settings/apps/manifests/<submission_id>")
    def create_app(submission_id: str) -> ResponseReturnValue:
        return redirect(manifests.create(manifests.find(submission_id), request.form.get("name", "").strip()))

    @blueprint.get("/apps/<slug>")
    @blueprint.get("/apps/<slug>/installations/new", endpoint="new_installation")
    def show_app(slug: str) -> str:
        app = _app(context, slug)
        repositories = [one for one in context.actions.repositories.values() if _may_install(app, one.owner)]
        installed = [one for one in context.actions.installations.values() if one.app is app]
        values = context.common(None, app=app, installable=repositories, installed=installed)
        return render_template("app.html", **values)

    @blueprint.post("/apps/<slug>/installations")
    def install(slug: str) -> ResponseReturnValue:
        app, chosen = _app(context, slug), request.form.getlist("repository")
        repositories = [
            context.actions.repositories[name] for name in chosen if name in context.actions.repositories
        ]
        owners = {one.owner.login: one.owner for one in repositories}
        if len(owners) != 1:
            raise ApiError(422, "Select repositories of one account.")
        (owner,) = owners.values()
        if not _may_install(app, owner):
            raise ApiError(403, f"{app.slug} can only be installed on {app.owner.login}.")
        if not context.actions.owns(context.current_user(), owner):
            raise ApiError(403, f"{context.current_user().login} does not own {owner.login}.")
        context.actions.install(app, owner.login, [one.full_name for one in repositories])
        return redirect(f"/apps/{slug}")


def _owner(context: PageContext, organization: str) -> User:
    """Who will own the App. An organization of somebody else is not found, as on GitHub."""
    user = context.current_user()
    owner = context.actions.users.get(organization) if organization else user
    if owner is None or not context.actions.owns(user, owner):
        raise ApiError(404, "Not Found")
    return owner


def _app(context: PageContext, slug: str) -> App:
    for app in context.actions.apps.values():
        if app.slug == slug:
            return app
    raise ApiError(404, "Not Found")


def _may_install(app: App, account: User) -> bool:
    return app.public or account is app.owner
