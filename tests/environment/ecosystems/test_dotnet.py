"""What is restored and checked for a .NET solution or project."""

from __future__ import annotations

from dayhand.environment.ecosystems import dotnet

TESTED = '<PackageReference Include="Microsoft.NET.Test.Sdk" Version="17.0.0" />'


def commands(plan):
    return [check.command for check in plan.checks]


def test_a_repository_without_projects_is_left_alone(files):
    assert dotnet.plan(files({"Program.cs": "", ".editorconfig": ""})) is None


def test_a_solution_is_restored_and_tested_whole(files):
    texts = {"A.sln": "", "src/A.csproj": "", "tests/T.csproj": TESTED, "Directory.Packages.props": ""}
    plan = dotnet.plan(files(texts))
    assert plan.steps[0].commands == ("dotnet restore A.sln",)
    assert commands(plan) == ["dotnet test A.sln --no-restore"]
    assert plan.checks[0].source == "tests/T.csproj"
    assert plan.locks == ("A.sln", "Directory.Packages.props", "src/A.csproj", "tests/T.csproj")


def test_one_project_alone_stands_for_the_whole_and_several_do_not(files):
    assert dotnet.plan(files({"my app/A.fsproj": ""})).steps[0].commands == (
        "dotnet restore 'my app/A.fsproj'",
    )
    assert dotnet.plan(files({"a/A.csproj": "", "b/B.csproj": ""})) is None


def test_the_format_counts_where_an_editorconfig_says_what_it_is(files):
    plan = dotnet.plan(files({"A.slnx": "", ".editorconfig": ""}))
    assert commands(plan) == ["dotnet format A.slnx --verify-no-changes --no-restore"]
